"""What went wrong with S3, in one sentence that says what to do.

Only error codes, bucket names and keys go into the sentences. What AWS or a credential helper
wrote stays out, since it may hold identifiers of credentials.
"""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from botocore import exceptions as aws
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from curecon.errors import BillNotFound, CureconError, StoreUnreachable
from curecon.store.address import shown

_KEPT = "What was downloaded is kept, and the next run goes on from there."

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
_REJECTED = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "AuthFailure"}
_DENIED = {"AccessDenied", "AllAccessDisabled", "403", "Forbidden", "UnauthorizedAccess"}
_ELSEWHERE = {
    "301",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "IncorrectEndpoint",
    "PermanentRedirect",
    "TemporaryRedirect",
}
_BUSY = {"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "500", "502", "503"}
_NO_CREDENTIALS = (
    aws.NoCredentialsError,
    aws.PartialCredentialsError,
    aws.ProfileNotFound,
    aws.ConfigParseError,
)
_NO_SIGN_IN = (
    aws.CredentialRetrievalError,
    aws.LoginError,
    aws.MetadataRetrievalError,
    aws.NoAuthTokenError,
    aws.RefreshWithMFAUnsupportedError,
    aws.SSOError,
    aws.TokenRetrievalError,
)
_PERMISSIONS = {"list": "s3:ListBucket", "read": "s3:GetObject", "write": "s3:PutObject"}


class Changed(Exception):  # it is a situation to handle, and never reaches the user
    """An object is no longer what the listing said: the fetch has to look again."""


@contextmanager
def explained(verb: str, bucket: str, key: str) -> Iterator[None]:
    """Turn what botocore raises inside into a `CureconError`; `verb` is list, read or write."""
    try:
        yield
    except ClientError as error:
        raise of_answer(error, verb, bucket, key) from error
    except (ResponseParserError, RecursionError) as error:
        # botocore recurses without end into a server that redirects but names no region.
        raise no_s3(bucket) from error
    except BotoCoreError as error:
        # A credential helper's own output stands in these, so it is cut off from the chain.
        hidden = isinstance(error, _NO_CREDENTIALS + _NO_SIGN_IN)
        raise of_road(error, bucket) from (None if hidden else error)


def code_of(error: ClientError) -> str:
    """Return AWS's error code, with nothing in it but letters, digits and dots."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return re.sub(r"[^A-Za-z0-9.]", "", code) or "no code"


def of_answer(error: ClientError, verb: str, bucket: str, key: str) -> CureconError:
    """Return the sentence for an answer of S3 (S3 API reference, "List of error codes")."""
    code, place = code_of(error), shown(bucket, key)
    if code == "NoSuchBucket":
        return BillNotFound(f"There is no bucket named {bucket}. Check the spelling.")
    if code in {"NoSuchKey", "404", "NotFound"}:
        return BillNotFound(f"{place} is not there. Check the spelling.")
    return StoreUnreachable(_sentence(error, code, verb, bucket, place))


def _sentence(error: ClientError, code: str, verb: str, bucket: str, place: str) -> str:
    action = "kms:Decrypt" if "kms:Decrypt" in str(error) else _PERMISSIONS[verb]
    region = _region(error)
    there = f"in region {region}" if region else "in another region or at another endpoint"
    if "Throttl" in code:
        code = "SlowDown"
    sentences = (
        (
            _DENIED,
            (
                f"AWS refuses to {verb} {place}: the credentials lack {action} for bucket "
                f"{bucket}, or the object is not there. Have it granted or change AWS_PROFILE."
            ),
        ),
        (_EXPIRED, f"The AWS credentials have expired. Sign in again and run it again. {_KEPT}"),
        (
            _REJECTED,
            (
                f"AWS does not accept the credentials ({code}). "
                "Check AWS_PROFILE and the AWS_* variables, or sign in again."
            ),
        ),
        (
            _ELSEWHERE,
            (
                f"Bucket {bucket} lies {there}. Set AWS_REGION to the bucket's region, "
                "and unset AWS_ENDPOINT_URL if it points elsewhere."
            ),
        ),
        (
            _BUSY,
            f"S3 still turned requests away after many attempts ({code}). Run it later. {_KEPT}",
        ),
        ({"RequestTimeTooSkewed"}, "AWS rejects this computer's clock. Set it right."),
        ({"InvalidObjectState"}, f"{place} is archived. Restore it from its storage class first."),
    )
    for codes, sentence in sentences:
        if code in codes:
            return sentence
    return f"S3 answered {code} when asked to {verb} {place}. {_KEPT}"


def _region(error: ClientError) -> str:
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return re.sub(r"[^a-z0-9-]", "", str(headers.get("x-amz-bucket-region", "")))


def of_road(error: Exception, bucket: str) -> CureconError:
    """Return the sentence for a request that never got an answer."""
    kind = type(error).__name__
    if isinstance(error, _NO_CREDENTIALS):
        return StoreUnreachable(
            f"No usable AWS credentials were found ({kind}). "
            "Set AWS_PROFILE, or sign in with `aws configure` or `aws sso login`."
        )
    if isinstance(error, _NO_SIGN_IN):
        return StoreUnreachable(
            f"The AWS credentials could not be renewed ({kind}). "
            "Sign in again, for example with `aws sso login`."
        )
    return StoreUnreachable(
        f"S3 cannot be reached for bucket {bucket} ({kind}). "
        f"Check the network, the proxy and AWS_ENDPOINT_URL, and run it again. {_KEPT}"
    )


def no_s3(bucket: str) -> StoreUnreachable:
    """Return the sentence for an answer that S3 would not give."""
    return StoreUnreachable(
        f"What answers for bucket {bucket} is not S3. Check the proxy and AWS_ENDPOINT_URL."
    )


def of_disk(error: OSError, cache: Path) -> CureconError:
    """Return the sentence for a cache folder that takes no more."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return CureconError(f"The disk that holds {cache} is full. Free some space. {_KEPT}")
    return CureconError(
        f"The cache folder {cache} cannot be used ({error.strerror or type(error).__name__}). "
        "Name a folder that can be written."
    )
