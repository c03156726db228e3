"""Imports the decks that `cargo xtask anki-check` writes with Anki's own library, and looks at what is there.

Called as `check.py DIR QUESTIONS SECTIONS CHANGED_ID CHANGED_TEXT`.
"""

import re
import sys
from pathlib import Path

from anki.buildinfo import version
from anki.collection import Collection, ImportAnkiPackageOptions, ImportAnkiPackageRequest

root, questions, sections = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
changed_id, changed_text = sys.argv[4], sys.argv[5]


def load(collection, name):
    request = ImportAnkiPackageRequest(package_path=str(root / name), options=ImportAnkiPackageOptions())
    log = collection.import_anki_package(request).log
    counts = {kind: len(getattr(log, kind)) for kind in ("new", "updated", "duplicate", "conflicting")}
    print(f"{name}: {counts}")
    return counts


def by_id(collection, question):
    found = collection.find_notes(f'Id:"{question}" deck:LoRA*')
    assert len(found) == 1, (question, found)
    return collection.get_note(found[0])


collection = Collection(str(root / "collection.anki2"))
counts = load(collection, "first.apkg")
assert counts == {"new": questions, "updated": 0, "duplicate": 0, "conflicting": 0}, counts
assert collection.note_count() == questions and collection.card_count() == questions

cards = [collection.get_card(card) for card in collection.find_cards("")]
assert len({card.did for card in cards}) == sections
assert all("::" in collection.decks.name(card.did) for card in cards)
for card in cards:
    note = card.note()
    assert len(note.tags) == 3 and all(note[name] for name in ("Question", "Answer", "Why", "Sources")), note.fields
    front, back = card.render_output().question_and_style(), card.render_output().answer_and_style()
    assert "{{" not in re.sub(r"<style>.*?</style>", "", front + back, flags=re.S), note["Id"]
    assert note["Question"] in front and note["Answer"] in back and note["Why"] in back, note["Id"]
    assert note["Why"] not in front, note["Id"]
# Anki turns \( … \) into MathJax; formulas and numbers have one each at least.
formulas = [card for card in cards if card.note().has_tag("deltaw::kind::formula") or card.note().has_tag("deltaw::kind::number")]
assert len(formulas) >= 20
for card in formulas:
    answer = card.render_output().answer_text
    assert answer.count("\\(") == answer.count("\\)") > 0, card.note()["Id"]

# The learner answers one card; a later deck must leave its schedule alone.
note = by_id(collection, changed_id)
card = note.cards()[0]
collection.decks.select(card.did)
card.start_timer()
states = collection._backend.get_scheduling_states(card.id)
collection.sched.answer_card(collection.sched.build_answer(card=card, states=states, rating=2))
before = collection.get_card(card.id)
assert before.reps == 1

# The same file once more: nothing is doubled.
load(collection, "first.apkg")
assert collection.note_count() == questions and collection.card_count() == questions

# A later version: the changed text arrives, nothing is doubled, the schedule stays.
counts = load(collection, "second.apkg")
assert counts["new"] == 0 and counts["conflicting"] == 0 and counts["updated"] > 0, counts
assert collection.note_count() == questions and collection.card_count() == questions
assert by_id(collection, changed_id)["Answer"] == changed_text
after = collection.get_card(card.id)
assert (after.reps, after.due, after.queue) == (before.reps, before.due, before.queue)

# A teacher's own bank with the same ids comes beside it, in a deck of its own, with the same note type.
counts = load(collection, "other.apkg")
assert counts["new"] == questions and collection.note_count() == 2 * questions, counts
assert by_id(collection, changed_id)["Answer"] == changed_text
assert len([kind for kind in collection.models.all_names_and_ids() if kind.name.startswith("deltaw")]) == 1
problems, fine = collection.fix_integrity()
assert fine, problems
collection.close()
print(f"Anki {version}: {questions} notes in {sections} decks, updated and not doubled")
