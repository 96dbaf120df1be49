"""A shell for SQL on a ledger: completion, history, named queries; everything read-only.

The ledger is opened for each query and closed after it, so that an audit can write meanwhile.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.sql import SqlLexer  # type: ignore[import-untyped]  # has no types

from curecon import named, queries
from curecon.errors import CureconError
from curecon.report.rows import print_table, show

_HELP = """\
SELECT ...;              a query, over as many lines as you like, ends with ;
.queries                 the named queries
NAME [KEY=VALUE]         run one of them, e.g. top_drivers limit=5 (.run does so too)
.tables                  the relations
.columns RELATION        what the columns of a relation mean
.format FORM             table, csv, json or markdown
.quit                    leave (as does Ctrl-D)"""
_COMMANDS = (".help", ".queries", ".run", ".tables", ".columns", ".format", ".quit")
_WORDS = (
    "SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "LIMIT", "JOIN", "LEFT JOIN", "USING", "ON",
    "AND", "OR", "NOT", "NULL", "IS", "IN", "LIKE", "BETWEEN", "CASE", "WHEN", "THEN", "ELSE",
    "END", "AS", "DISTINCT", "HAVING", "WITH", "UNION ALL", "DESC", "sum", "count", "min", "max",
    "coalesce", "strftime", "CAST", "DECIMAL", "DATE",
)  # fmt: skip
_QUITS = frozenset({".quit", ".exit", "quit", "exit"})
_FORMS = ("table", "csv", "json", "markdown")


class Words(Completer):
    """Completes commands, named queries, relations, columns and the words of SQL."""

    def __init__(self, words: Iterable[str]) -> None:
        """Complete these words, and the commands of the shell."""
        self.words = sorted({*words, *_WORDS}, key=str.lower)

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """Offer what begins with the word before the cursor, in any case."""
        del complete_event
        line = document.text_before_cursor.lstrip()
        if line.startswith(".run "):
            offered: Iterable[str] = named.load()
            typed = line.removeprefix(".run ")
        elif line.startswith("."):
            offered, typed = _COMMANDS, line
        else:
            offered, typed = self.words, document.get_word_before_cursor(WORD=False)
        for word in offered:
            if typed and word.lower().startswith(typed.lower()):
                yield Completion(word, start_position=-len(typed))


class Shell:
    """One conversation with a ledger."""

    def __init__(self, ledger: Path) -> None:
        """Open the ledger once, to see that it is one and what it has.

        Raises:
            LedgerUnreadable, LedgerLocked: it cannot be opened.
        """
        self.ledger = ledger
        self.form = "table"
        self.relations = queries.relations(ledger)
        names = set(self.relations["name"])
        for columns in self.relations["columns"]:
            names |= set(columns.split(", "))
        self.completer = Words(names | set(named.load()))

    def run(self) -> None:
        """Read and answer until Ctrl-D or .quit."""
        session: PromptSession[str] = PromptSession(
            history=_history(),
            completer=self.completer,
            lexer=PygmentsLexer(SqlLexer),
            multiline=True,
            key_bindings=_enter_ends_a_statement(),
            prompt_continuation="    ...> ",
        )
        sys.stdout.write(f"{self.ledger}, read-only. `.help` says what there is.\n")
        while True:
            try:
                told = session.prompt("curecon> ")
            except KeyboardInterrupt:
                continue
            except EOFError:
                return
            if not self.answer(told):
                return

    def answer(self, told: str) -> bool:
        """Answer one statement or command; False ends the shell.

        What goes wrong is said, and the shell goes on.
        """
        told = told.strip().rstrip(";").strip()
        if told in _QUITS:
            return False
        try:
            if told.startswith("."):
                self._command(told)
            elif _is_named(told):
                self._command(f".run {told}")
            elif told == "help":
                self._command(".help")
            elif told:
                show(queries.sql(told, self.ledger), self.form)
        except CureconError as error:
            sys.stderr.write(f"{error}\n")
        except KeyboardInterrupt:
            sys.stderr.write("interrupted\n")
        return True

    def _command(self, told: str) -> None:
        command, *words = told.split()
        if command == ".queries":
            print_table(queries.listed())
        elif command == ".run" and words:
            show(queries.sql(words[0], self.ledger, named.given(words[1:])), self.form)
        elif command == ".tables":
            print_table(self.relations.select("name", "comment"))
        elif command == ".columns" and len(words) == 1:
            print_table(queries.columns(words[0], self.ledger))
        elif command == ".format" and words and words[0] in _FORMS:
            self.form = words[0]
        else:
            sys.stdout.write(f"{_HELP}\n")


def _is_named(told: str) -> bool:
    """Say whether the text is a named query with its parameters, which needs no `.run`."""
    name, *given = told.split() or [""]
    return name in named.load() and all("=" in one for one in given)


def _is_whole(written: str) -> bool:
    """Say whether Enter sends what is written: nothing more can belong to it."""
    return (
        not written
        or written.startswith(".")
        or written.endswith(";")
        or written in {*_QUITS, "help"}
        or _is_named(written)
    )


def _history() -> History:
    """Keep what was typed in the user's state folder, readable by the user alone."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    path = Path(base) / "curecon" / "sql_history"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)


def _enter_ends_a_statement() -> KeyBindings:
    """Let Enter send what is whole, and else begin a new line."""
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        written = event.current_buffer.text.strip()
        if _is_whole(written):
            event.current_buffer.validate_and_handle()
        else:
            event.current_buffer.insert_text("\n")

    return keys
