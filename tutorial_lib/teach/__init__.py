"""For a room: class view, teacher pages, slides, homework.  All made from the chapters; nothing is written twice."""
