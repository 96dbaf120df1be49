"""Bills in Amazon S3: bring one into a local folder, read only.

    from curecon.store import fetch
    folder = fetch("s3://bucket/prefix", Path("~/.cache/curecon").expanduser())

Importing this package imports boto3, so commands import it when they need it.
"""

import logging
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import boto3
from boto3.session import Session
from botocore.config import Config

from curecon.errors import StoreUnreachable
from curecon.store.address import Address, checked_periods, local_path, mirror, parse
from curecon.store.bucket import Bucket
from curecon.store.cache import Cache
from curecon.store.delivery import Bill, find_bill, warn_of_delivery_under_way
from curecon.store.failures import Changed, explained, no_s3, of_disk
from curecon.store.transfer import PARALLEL, Progress, download

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["client", "fetch"]

_log = logging.getLogger(__name__)

_ROUNDS = 4

_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 10},
    connect_timeout=10,
    read_timeout=60,
    max_pool_connections=PARALLEL,
    # Checksums are asked for where they can be verified, which is not so for a range.
    response_checksum_validation="when_required",
    user_agent_extra="curecon",
)


def fetch(
    uri: str,
    cache: Path,
    periods: Sequence[str] = (),
    progress: Progress | None = None,
    session: Session | None = None,
) -> Path:
    """Bring the bill at `s3://bucket/prefix` into the cache; return where it lies now.

    The address is a folder, one manifest or one data file. What comes back is a path of the same
    kind, in a folder that holds exactly the bill: its current manifests and the files that they
    list, or all data files where there is no manifest, each at the path that its key has. If a
    manifest lists files outside the folder named, the folder of the whole bucket comes back. The
    folder is never changed afterwards; a later delivery gets another one.

    Args:
        uri: an address as above.
        cache: a folder for downloads, made when absent; one may serve many bills and processes.
        periods: billing periods `YYYY-MM`; what lies in others is left out, where the path tells.
        progress: called in this thread with the bytes here and the bytes in all.
        session: the AWS credentials and region; the environment's when absent.

    Raises:
        OptionInvalid: the address or a period is none.
        BillNotFound: nothing, or not all that a manifest lists, is there.
        BillUnreadable: a manifest is damaged, or a key cannot be a file name.
        StoreUnreachable: S3 refused or failed, or the bill kept changing.
        CureconError: the disk failed.
    """
    address, wanted = parse(uri), checked_periods(periods)
    bucket = _open(address.bucket, session)
    store = Cache(cache, address.bucket)
    try:
        with closing(bucket.client), store.locked():
            bill, paths = _settled(bucket, address, wanted, store, progress)
            warn_of_delivery_under_way(address.bucket, bill)
            placed = {paths[item.key]: item for item in bill.items()}
            home = store.publish([address.bucket, address.key, sorted(wanted)], placed)
    except OSError as error:
        raise of_disk(error, cache) from error
    root = local_path(address.bucket, bill.root)
    inside = all(path.is_relative_to(root) for path in placed)
    return home / (root if inside or not bill.root.endswith("/") else address.bucket)


def _open(name: str, session: Session | None) -> Bucket:
    return Bucket(client(name, session), name)


def client(bucket: str, session: Session | None = None) -> "S3Client":
    """Return a client for a bucket.

    Raises:
        StoreUnreachable: there are no credentials, or the endpoint is none.
    """
    try:
        with explained("read", bucket, ""):
            return (session or boto3.session.Session()).client("s3", config=_CONFIG)
    except ValueError as error:  # an endpoint that is no address
        raise no_s3(bucket) from error


def _settled(
    bucket: Bucket,
    address: Address,
    periods: frozenset[str],
    cache: Cache,
    progress: Progress | None,
) -> tuple[Bill, dict[str, PurePosixPath]]:
    """Download until S3 holds the same before and after: then no two deliveries are mixed."""
    for _ in range(_ROUNDS):
        try:
            bill = find_bill(bucket, address, periods, cache)
            paths = mirror(bucket.name, [item.key for item in bill.items()])
            fetched = download(bucket, cache, bill.data(), progress)
            if not fetched or find_bill(bucket, address, periods, cache) == bill:
                return bill, paths
        except Changed as change:
            _log.info("%s changed while it was read", change)
        _log.info("%s has a newer delivery: starting over", address)
    raise StoreUnreachable(
        f"The bill at {address} changed {_ROUNDS} times while it was read: a delivery is under "
        "way. Run it again in an hour."
    )
