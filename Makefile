# One line each: everything lives in `python -m tutorial_lib`, so that Windows and conda users have the same commands.
#   PYTHON=python3.12 make lab            another Python
#   PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu" make lab
#                                         PyTorch's own small CPU build (worth it on a Linux laptop)
PYTHON ?= python3
.DEFAULT_GOAL := help
.PHONY: lab test notebooks evidence claims bench weights teach slides handout assignment solutions room host doctor clean help

lab:        ; @$(PYTHON) -m tutorial_lib lab
test:       ; @$(PYTHON) -m tutorial_lib test
notebooks:  ; @$(PYTHON) -m tutorial_lib notebooks $(CHAPTER)
evidence:   ; @$(PYTHON) -m tutorial_lib evidence $(CHAPTER) $(if $(SEEDS),--seeds $(SEEDS))
claims:     ; @$(PYTHON) -m tutorial_lib claims
bench:      ; @$(PYTHON) -m tutorial_lib bench $(NAME)
weights:    ; @$(PYTHON) -m tutorial_lib weights $(CHAPTER)
teach:      ; @$(PYTHON) -m tutorial_lib teach $(CHAPTER)
slides:     ; @$(PYTHON) -m tutorial_lib slides $(CHAPTER)
handout:    ; @$(PYTHON) -m tutorial_lib handout $(CHAPTER)
assignment: ; @$(PYTHON) -m tutorial_lib assignment $(CHAPTER)
room:       ; @$(PYTHON) -m tutorial_lib room $(ROOM)
host:       ; @$(PYTHON) -m tutorial_lib host
solutions:  ; @$(PYTHON) -m tutorial_lib solutions $(WHAT) $(CHAPTER)
doctor:     ; @$(PYTHON) -m tutorial_lib doctor
clean:      ; @$(PYTHON) -m tutorial_lib clean
help:       ; @$(PYTHON) -m tutorial_lib help
