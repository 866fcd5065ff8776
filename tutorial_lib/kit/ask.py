"""Questions: commit to an answer, then see.  Plain widgets in a live notebook, a folded answer on paper."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tutorial_lib.kit import page, settings, store


@dataclass(frozen=True)
class Choice:
    """One option: what it says, and the sentence that answers whoever chose it."""

    text: str
    answer: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """A question with `choices` (exactly one right), or with a `number`, the right value.

    `within` is how far off a number may be (as a factor: 1.5 accepts two thirds to one and a half); `why` is
    said after a number.
    """

    name: str
    chapter: str
    text: str
    choices: tuple[Choice, ...] = ()
    number: float | None = None
    within: float = 1.5
    unit: str = ""
    why: str = ""

    def __post_init__(self) -> None:
        if (self.number is None) == (not self.choices):
            raise ValueError(f"question {self.name}: give choices or a number, one of the two")
        if self.choices and sum(c.right for c in self.choices) != 1:
            raise ValueError(f"question {self.name}: exactly one choice must be right")

    def reply(self, given: str | float) -> tuple[bool, str]:
        """Whether an answer is right, and the sentence said to it.  Raises ValueError for an unknown choice."""
        if self.number is not None:
            value = float(given)
            low, high = sorted((self.number / self.within, self.number * self.within))
            right = low <= value <= high
            return right, f"{'Right' if right else 'Not quite'}: it is {self.folded_answer}"
        for choice in self.choices:
            if choice.text == given:
                return choice.right, choice.answer
        raise ValueError(f"question {self.name} has no choice {given!r}")

    @property
    def folded_answer(self) -> str:
        """The answer for a page without a kernel."""
        if self.number is not None:
            return f"{f'{self.number:g} {self.unit}'.strip()}. {self.why}"
        return next(c.answer for c in self.choices if c.right)

    def folded_replies(self) -> str:
        """What every choice is answered, as HTML, the right one first."""
        if self.number is not None:
            return page.paragraph(self.folded_answer)
        ordered = sorted(enumerate(self.choices), key=lambda item: not item[1].right)
        return "".join(page.paragraph(f"({'abcdefgh'[i]}) {c.answer}") for i, c in ordered)


def as_text(question: Question) -> str:
    """The question and its options in plain text, without the answer."""
    options = [f"  ({'abcdefgh'[i]}) {c.text}" for i, c in enumerate(question.choices)]
    return "\n".join([f"? {question.text}", *options])


def as_html(question: Question) -> str:
    """The question with a folded answer, for a viewer without a kernel."""
    options = "".join(f"<li>{page.escape(c.text)}</li>" for c in question.choices)
    listed = f'<ol type="a">{options}</ol>' if options else ""
    return page.card("question", question.text, listed,
                     page.fold("Answers (decide first)", question.folded_replies()))


def typed_number(text: str) -> float | None:
    """The number that was typed, None when there is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def form(question: Question):
    """The question as widgets: choose or type, press Commit, read the reply."""
    import ipywidgets as w

    head = w.HTML(page.card("question", question.text))
    if question.choices:
        field = w.RadioButtons(options=[c.text for c in question.choices], value=None,
                               layout=w.Layout(width="auto", margin="0 0 0 1.2em"))
    else:
        field = w.Text(placeholder="a number", description=question.unit or "answer", tooltip=question.text,
                       layout=w.Layout(margin="0 0 0 1.2em"))  # empty at first: a 0 would pull the guess towards it
    button = w.Button(description="Commit", tooltip="Store this answer and see what is said to it",
                      layout=w.Layout(margin="0 0 .4em 1.2em"))
    reply = w.HTML()
    before = store.read()["answers"].get(question.name)
    if before is not None:
        reply.value = page.paragraph(f"Your first answer was: {before['first']}")

    def commit(_: object) -> None:
        given = field.value if question.choices else typed_number(field.value)
        if given is None:
            what = "Choose" if question.choices else "Type a number, such as 0.5,"
            reply.value = page.paragraph(f"{what} first; a guess counts, and a wrong one is remembered better.")
            return
        right, sentence = question.reply(given)
        store.note_answer(question.name, given, right)
        said = f"You said: {field.value.strip()}"
        reply.value = page.card("passed" if right else "wrong", said, page.paragraph(sentence), live=True)

    button.on_click(commit)
    return w.VBox([head, field, button, reply])


def pose(question: Question) -> None:
    """Display the question; it never blocks and nothing depends on its being answered."""
    extra: dict[str, object] = {}
    if settings.mode() != "notebooks":  # an executed chapter is committed without widgets
        bundle = form(question)._repr_mimebundle_()
        extra = {k: v for k, v in dict(bundle or {}).items() if "widget" in k}
    page.put(as_text(question), as_html(question), extra)
