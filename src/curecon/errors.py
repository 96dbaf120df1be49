"""Exceptions: the world failed us. One small class a situation; its message says what to do.

The command line turns every `CureconError` into one sentence and exit status 2.
"""


class CureconError(Exception):
    """The job cannot be done; the message names the file, the place and the remedy."""

    def __str__(self) -> str:
        """Show the message; what a terminal would obey in it is written out."""
        return printable(super().__str__())


class BillNotFound(CureconError):
    """Nothing that can be read as a bill lies where the user pointed."""


class BillUnreadable(CureconError):
    """A file of the bill is damaged, or a value in it does not parse."""


class FormatUnknown(CureconError):
    """The columns are those of no report that we know."""


class FormatsMixed(CureconError):
    """Files of different report types lie under one prefix."""


class LedgerLocked(CureconError):
    """Another process holds the ledger."""


class LedgerUnreadable(CureconError):
    """The ledger is no ledger, or of another schema version."""


class RatesInvalid(CureconError):
    """A rate card or a price list breaks the rules."""


class ContractInvalid(CureconError):
    """The contract breaks the rules."""


class UsageInvalid(CureconError):
    """A usage file breaks the rules."""


class CheckInvalid(CureconError):
    """A check is not of the form that checks have."""


class AcknowledgedInvalid(CureconError):
    """The file of acknowledgements breaks the rules."""


class OptionInvalid(CureconError):
    """An option has a meaning that we cannot honour."""


class StoreUnreachable(CureconError):
    """S3 refused, failed or changed while we read."""


def printable(text: str) -> str:
    """Write out what is not printable, for names and reasons may come from anybody's file."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(one if one == "\n" or one.isprintable() else ascii(one)[1:-1] for one in text)
