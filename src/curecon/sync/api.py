"""AWS's two price APIs, asked in Python and answering in sentences where they fail."""

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any

import botocore.session
from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection
from botocore.parsers import ResponseParserError

from curecon.errors import OptionInvalid
from curecon.store.failures import code_of
from curecon.sync.download import Get, get
from curecon.sync.model import KEPT, Absent, Edition, Page, PricesUnreachable, Restart

REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")

# The price list API answers in these regions only; where it is asked says nothing about prices.
_API_REGIONS = ("us-east-1", "eu-central-1", "ap-south-1")
_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 10},
    connect_timeout=10,
    read_timeout=60,
    user_agent_extra="curecon",
)
_PAGE, _PLAN_PAGE = 100, 1000

_DENIED = re.compile(r"AccessDenied|Unauthorized|AuthFailure|OptInRequired|NotAuthorized")
_REJECTED = re.compile(r"UnrecognizedClient|InvalidClientToken|SignatureDoesNotMatch|InvalidSig")
_EXPIRED = re.compile(r"ExpiredToken|RequestExpired|TokenRefreshRequired")
_BUSY = re.compile(r"Throttl|TooManyRequests|RequestLimit|SlowDown|Unavailable|Internal|Timeout")
# What AWS says of a service or region that has no price list.
_ABSENT = re.compile(r"(Resource)?NotFoundException|InvalidParameterException|ValidationException")
_STALE_TOKEN = re.compile(r"(Expired|Invalid)NextTokenException|ValidationException")


class Aws:
    """The two APIs, asked in Python and answering in sentences where they fail."""

    def __init__(self, pricing: Any, plans: Callable[[], Any], get: Get) -> None:  # noqa: ANN401
        """Take a client, what makes the other one, and what downloads a URL."""
        self._pricing = pricing
        self._open_plans = plans
        self.get = get

    @classmethod
    def open(cls, session: Session | None) -> "Aws":
        """Make the clients; the one of savings plans only when it is needed."""
        core = botocore.session.get_session()
        session = session or Session(botocore_session=core)
        wished = os.environ.get("AWS_REGION") or session.region_name
        region = wished if wished in _API_REGIONS else _API_REGIONS[0]
        try:
            with _asking("pricing:ListPriceLists"):
                pricing = session.client("pricing", region_name=region, config=_CONFIG)
                verify = core.get_config_variable("ca_bundle") or True
        except ValueError as error:
            raise OptionInvalid("AWS_ENDPOINT_URL_PRICING is no address") from error
        plans = partial(session.client, "savingsplans", region_name="us-east-1", config=_CONFIG)
        return cls(pricing, plans, partial(get, verify))

    def editions(
        self, service: str, region: str | None, moment: datetime, currency: str
    ) -> list[Edition]:
        """List the bulk files in force at a moment, of one region or of all."""
        place = {"RegionCode": region} if region else {}
        editions = set()
        with _asking("pricing:ListPriceLists"):
            pages = self._pricing.get_paginator("list_price_lists").paginate(
                ServiceCode=service,
                EffectiveDate=moment,
                CurrencyCode=currency,
                PaginationConfig={"PageSize": _PAGE},
                **place,
            )
            for page in pages:
                for entry in page.get("PriceLists", []):
                    formats = {form.lower(): form for form in entry.get("FileFormats", [])}
                    where, arn = entry.get("RegionCode", ""), entry.get("PriceListArn", "")
                    if "json" in formats and arn and REGION.fullmatch(where):
                        editions.add(Edition(service, where, arn, formats["json"]))
        return sorted(editions)

    def url(self, edition: Edition) -> str:
        """Return where a bulk file can be downloaded now."""
        with _asking("pricing:GetPriceListFileUrl"):
            answer = self._pricing.get_price_list_file_url(
                PriceListArn=edition.arn, FileFormat=edition.file_format
            )
        return str(answer.get("Url", ""))

    def products(self, service: str, region: str | None, token: str | None) -> Page:
        """Return one page of items, each as the JSON text that AWS sends, on one line."""
        request: dict[str, Any] = {
            "ServiceCode": service, "FormatVersion": "aws_v1", "MaxResults": _PAGE
        }  # fmt: skip
        if region:
            match = {"Type": "TERM_MATCH", "Field": "regionCode", "Value": region}
            request["Filters"] = [match]
        if token:
            request["NextToken"] = token
        with _asking("pricing:GetProducts", paging=token is not None):
            answer = self._pricing.get_products(**request)
        # Line ends inside JSON text are mere space, for those in its strings are escaped.
        items = [re.sub(r"[\r\n]", " ", str(item)) for item in answer.get("PriceList", [])]
        return items, answer.get("NextToken") or None

    def plan_rates(self, _service: str, region: str | None, token: str | None) -> Page:
        """Return one page of savings-plan rates of SageMaker, each as JSON on one line."""
        request: dict[str, Any] = {
            "savingsPlanTypes": ["SageMaker"],
            "serviceCodes": ["AmazonSageMaker"],
            "maxResults": _PLAN_PAGE,
        }
        if region:
            request["filters"] = [{"name": "region", "values": [region]}]
        if token:
            request["nextToken"] = token
        with _asking("savingsplans:DescribeSavingsPlansOfferingRates", paging=token is not None):
            answer = self._plans().describe_savings_plans_offering_rates(**request)
        rows = [json.dumps(rate, sort_keys=True) for rate in answer.get("searchResults", [])]
        return rows, answer.get("nextToken") or None

    def _plans(self) -> Any:  # noqa: ANN401
        """Make the client of savings plans once."""
        try:
            client = self._open_plans()
        except ValueError as error:
            raise OptionInvalid("AWS_ENDPOINT_URL_SAVINGSPLANS is no address") from error
        self._open_plans = lambda: client
        return client


@contextmanager
def _asking(action: str, *, paging: bool = False) -> Iterator[None]:
    """Turn what botocore raises into a sentence; `action` is what the credentials need."""
    try:
        yield
    except ClientError as error:
        code = code_of(error)
        if paging and _STALE_TOKEN.fullmatch(code):
            raise Restart from error
        if _ABSENT.fullmatch(code):
            raise Absent from error
        raise PricesUnreachable(_refusal(code, action)) from error
    except ResponseParserError as error:
        raise PricesUnreachable(
            f"What answers to {action} is not AWS. Check the proxy and AWS_ENDPOINT_URL."
        ) from error
    except (HTTPClientError, NoConnection) as error:
        raise PricesUnreachable(
            f"AWS's price list API cannot be reached ({type(error).__name__}). Check the network, "
            f"the proxy and AWS_ENDPOINT_URL, and run it again. {KEPT}"
        ) from None  # its text holds an address
    except BotoCoreError as error:
        # A credential helper's own output may stand in it, so it is cut off from the chain.
        raise PricesUnreachable(
            f"AWS could not be asked ({type(error).__name__}). Set AWS_PROFILE, or sign in with "
            "`aws configure` or `aws sso login`."
        ) from None


def _refusal(code: str, action: str) -> str:
    if _DENIED.search(code):
        without = " or use --no-savings-plans" if action.startswith("savingsplans:") else ""
        return (
            f"AWS refuses: the credentials lack the permission {action} ({code}). "
            f"Have it granted, change AWS_PROFILE{without}. {KEPT}"
        )
    if _EXPIRED.search(code):
        return f"The AWS credentials have expired. Sign in again and run it again. {KEPT}"
    if _REJECTED.search(code):
        return (
            f"AWS does not accept the credentials ({code}). "
            "Check AWS_PROFILE and the AWS_* variables, or sign in again."
        )
    if _BUSY.search(code):
        return f"AWS still turned requests away after many attempts ({code}). Run it later. {KEPT}"
    return f"AWS answered {code} to {action}. {KEPT}"
