"""To whom an import owes each work: lines read, persons identified, wishes kept, questions asked.

In: the rows of a source, what was decided, who opted out. Out: contributors per row, the artists,
and what a person has to decide. Opens no picture; writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from core.collection.artists.decisions import read_decisions
from core.collection.artists.opt_outs import OptOuts, Wish, today, with_wishes
from core.collection.artists.questions import Question
from core.collection.artists.register import ArtistRegister, Identified, contributors_of
from core.collection.importing.credit_lines.line import CreditLine, Kind, Role
from core.collection.importing.credit_lines.read import read_credit_lines
from core.collection.importing.rows import Candidate, Identifiers, Refusal
from core.collection.types import OPTED_OUT, PARTY, Artist, Collection, Contributor, Work


class Crediting:
    """Who made the works of one import."""

    def __init__(self, base: Collection, opt_outs: OptOuts) -> None:
        self.decisions = read_decisions(base.path)
        self.register = ArtistRegister(base.artists, today(), self.decisions.joined())
        self._known = base.artist_names
        self._as_read: dict[str, CreditLine] = {}  # by row: before decisions
        refused = [one for one in base.artists if one.status == OPTED_OUT]
        self.opt_outs = with_wishes(opt_outs, map(_wish_of, refused))
        self.questions: dict[str, Question] = {}
        self.remarks: list[Refusal] = []

    def identified(self, line: CreditLine) -> Identified:
        """Who the line's contributors are."""
        return self.register.identify(line)

    def ask_about(self, row: Candidate, line: CreditLine, question: str) -> None:
        """Keep a question about a row that was taken."""
        self._ask(Question.of_name(row.credit_cells.name, question, line), row.row)

    def works(self, works: Sequence[Work]) -> tuple[Work, ...]:
        """The works, with the ids of those who turned out to be an artist of before."""
        named = self.register.joined
        return tuple(_by(work, named) if named else work for work in works)

    def lines(self, rows: Sequence[Candidate | Refusal]) -> dict[int, CreditLine]:
        """Who made each row's work, by the row's place: read at once, for a table's rows explain
        each other; then as it was decided."""
        places = [place for place, row in enumerate(rows) if isinstance(row, Candidate)]
        cells = [row.credit_cells for row in rows if isinstance(row, Candidate)]
        read = dict(zip(places, read_credit_lines(cells), strict=True))
        self._as_read = {rows[place].row: line for place, line in read.items()}
        lines = {
            place: self.decisions.applied(line, said.name, self._known)
            for (place, line), said in zip(read.items(), cells, strict=True)
        }
        self.register.prepare(lines.values())
        return lines

    def credited(
        self, work: Work, row: Candidate, line: CreditLine, made_by: tuple[Contributor, ...]
    ) -> Work:
        """The work by its makers. It never leaves an artist who opted out, and where the row only
        spells its artist otherwise, the artist keeps the id."""
        if work.artist_id:
            before = [self.register.artist(who) for who, _ in work.makers]
            if refused := next(filter(self._said_no, before), None):
                if [one.artist_id for one in made_by if one.weight] != [one.id for one in before]:
                    self.remarks.append(
                        Refusal(
                            row.row,
                            f"names '{row.credit_cells.name}', but this work's maker, "
                            f"{refused.name}, opted out: it stays theirs, and is not credited.",
                        )
                    )
                return work
            if not work.contributors and self.register.respell(work.artist_id, line):
                return work
        self.register.credit(line)
        alone = len(made_by) == 1 and made_by[0] == Contributor(made_by[0].artist_id)
        return replace(work, artist_id=made_by[0].artist_id, contributors=() if alone else made_by)

    def _said_no(self, artist: Artist) -> bool:
        if artist.status == OPTED_OUT:
            return True
        covered = self.opt_outs.of_person((artist.name, *artist.written), artist.identifiers)
        return covered is not None and covered.certainty == "sure"

    def refusal(
        self, row: Candidate, line: CreditLine, made_by: tuple[Contributor, ...], sha256: str
    ) -> str:
        """Why a new picture is not learnt from: a wish that covers it; empty where none does."""
        written = [name for one in line.contributors for name in (one.name, one.written)]
        covered = self.opt_outs.of_work(sha256, row.title, written)
        if covered is not None:
            return f"{covered.wish.words} of this work: it is not learnt from."
        # a decision that a name stands for others takes nobody's wish away
        for one in self._as_read.get(row.row, line).contributors:
            if one.role is Role.MAKER and one.kind is not Kind.NOBODY:
                covered = self.opt_outs.of_person((one.name, one.written), one.identifiers)
                if covered is not None and covered.certainty == "sure":
                    return f"{covered.wish.words}: it is not learnt from."
        makers = [one for one in line.contributors if one.role is Role.MAKER]
        named: list[tuple[tuple[str, ...], Identifiers]] = [
            ((one.name, one.written), one.identifiers) for one in makers
        ]
        for contributor in made_by:
            artist = self.register.artist(contributor.artist_id)
            names = (artist.name, *artist.written)
            if contributor.weight and artist.kind == PARTY:
                # "After X" is not X, whose wish it does not touch; its own it does
                covered = self.opt_outs.of_person(names)
                if covered is not None and covered.certainty == "sure":
                    return f"{covered.wish.words}: it is not learnt from."
            elif contributor.weight:
                named.append((names, artist.identifiers))
        for names, identifiers in named:
            for covered in self.opt_outs.all_of_person(names, identifiers):
                if covered.certainty == "sure":
                    return f"{covered.wish.words}: it is not learnt from."
                wished = covered.wish.name or covered.wish.words
                if self.decisions.are_different(names[0], wished):
                    continue  # from this one; somebody else of a near name may have said no too
                words = f"'{names[0]}' may be {wished}: {covered.wish.words}"
                self._ask(Question.of_wish(names[0], wished, f"{words}."), row.row)
                return f"{words}. Nothing was taken; `artists review` asks whether they are one."
        return ""

    def _ask(self, question: Question, row: str) -> None:
        """Once per question, with the rows to which it belongs."""
        known = self.questions.get(question.key, question)
        self.questions[question.key] = replace(known, rows=(*known.rows, row))


def _wish_of(artist: Artist) -> Wish:
    return Wish(name=artist.name, identifiers=artist.identifiers, also_written=artist.written)


def _by(work: Work, named: Mapping[str, str]) -> Work:
    """The work with some artists' ids replaced."""
    return replace(
        work,
        artist_id=named.get(work.artist_id, work.artist_id),
        contributors=tuple(contributors_of(named, work.contributors)),
    )
