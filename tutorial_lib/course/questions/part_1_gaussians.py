"""Part 1: the questions of the opener, chapter 10."""
from tutorial_lib.kit.ask import Choice, Question
QUESTIONS = ()
