// The keys of pages: what they do, and in words. Help is made of the same list, which the server
// reads: after the first line of code it is JSON.
export const KEYS = {
  "everywhere": [
    {"keys": {"/": "find"}, "name": "find", "text": "by id, name, position or exposure; where a page takes the key itself, by a click"},
    {"keys": {"?": "help"}, "name": "help", "text": "for this page"}
  ],
  "candidate": [
    {"keys": {"j": "next", "k": "previous"}, "name": "next, previous", "text": "candidate of the list that it was opened from"},
    {"keys": {".": "nextPeriod"}, "name": "next period", "text": "of those that were found"},
    {"keys": {"[": "half", "]": "twice"}, "name": "half, twice", "text": "the period"},
    {"keys": {"+": "aliasAbove", "-": "aliasBelow"}, "name": "alias", "text": "by one cycle a day more, or less"},
    {"keys": {"0": "unfold"}, "name": "unfold", "text": "the light curve"},
    {"keys": {"*": "favourite"}, "name": "favourite", "text": "mark it for yourself, or take that off"},
    {"keys": {"b": "blink"}, "name": "blink", "text": "search image and reference in one place"},
    {"keys": {"ArrowLeft": "left", "ArrowRight": "right"}, "name": "epoch", "text": "before or after the one whose cutouts are shown"},
    {"keys": {">": "moved"}, "name": "likeliest star", "text": "the vote is for the star that most likely changes"}
  ],
  "card": [
    {"keys": {"j": "next", "k": "previous"}, "name": "next, previous", "text": "look without deciding"},
    {"keys": {"/": "comment"}, "name": "comment", "text": "seen by others after their own vote"},
    {"keys": {"*": "favourite"}, "name": "favourite", "text": "mark it for yourself, or take that off"},
    {"keys": {",": "comments"}, "name": "comments", "text": "of all, after your own vote: go back to it by k"},
    {"keys": {"f": "fold"}, "name": "fold", "text": "on a period in days, which a vote for a variable takes along"},
    {"keys": {"0": "unfold"}, "name": "unfold", "text": "the light curve"},
    {"keys": {".": "nextPeriod"}, "name": "next", "text": "of the periods found: one that is only proposed goes along with no vote until it is taken"},
    {"keys": {"[": "half", "]": "twice"}, "name": "half, twice", "text": "the period"},
    {"keys": {"+": "aliasAbove", "-": "aliasBelow"}, "name": "alias", "text": "by one cycle a day more, or less"},
    {"keys": {"ArrowLeft": "left", "ArrowRight": "right"}, "name": "point", "text": "at the cutouts of an epoch, as the mouse does: it is ringed on the curves"},
    {"keys": {"m": "more"}, "name": "more", "text": "the cutouts of all epochs, or of those that fit in a row"},
    {"keys": {">": "move"}, "name": "likeliest star", "text": "the vote is for the neighbour that most likely changes, and this candidate is called a blend; again: for this one"},
    {"keys": {"b": "blink"}, "name": "blink", "text": "search and reference in one place"},
    {"keys": {"o": "open"}, "name": "open", "text": "the candidate's own page, folded as it is here"},
    {"keys": {" ": "skip"}, "name": "skip", "text": "and come back to it later"},
    {"keys": {"z": "undo", "Backspace": "undo"}, "name": "undo", "text": "the last decision"}
  ],
  "sheet": [
    {"keys": {"ArrowLeft": "left", "ArrowRight": "right", "ArrowUp": "up", "ArrowDown": "down"}, "name": "move", "text": "from tile to tile: reference, search, difference, and all epochs"},
    {"keys": {"x": "select"}, "name": "select", "text": "several, for one key to decide"},
    {"keys": {"Enter": "batch"}, "name": "mark what was seen", "text": "all that is undecided, has a picture and was on the screen, in one batch"},
    {"keys": {"w": "groups"}, "name": "whole groups", "text": "the least and the most significant of those with one cause, chip and exposure; Enter votes on all of them"},
    {"keys": {"b": "blink"}, "name": "blink", "text": "search and reference in one place"},
    {"keys": {"o": "open"}, "name": "open", "text": "the candidate's own page"},
    {"keys": {" ": "skip"}, "name": "skip", "text": "and come back to it later"},
    {"keys": {"z": "undo", "Backspace": "undo"}, "name": "undo", "text": "the last decision, or the whole last batch"}
  ]
};
