"""A price list API on this machine: what AWS's would answer, and how it and downloads misbehave."""

import gzip
import json
import re
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FIXTURES = Path(__file__).parents[1] / "fixtures" / "price_lists"
ITEM = json.loads((FIXTURES / "get_products_item.json").read_bytes())
PLANS = json.loads((FIXTURES / "savings_plan_offer.json").read_bytes())
SKU = "3G679R3Y8YSQSJTA"
SIGNED = "X-Amz-Signature=hush-hush"


def item(sku=SKU, price="0.0080000000", region="us-east-1", published="2026-10-01T00:00:00Z"):
    """The real item, with another SKU, price, region or date."""
    document = json.loads(json.dumps(ITEM).replace(SKU, sku))
    document["publicationDate"] = published
    document["product"]["attributes"]["regionCode"] = region
    for term in document["terms"]["OnDemand"].values():
        for dimension in term["priceDimensions"].values():
            dimension["pricePerUnit"] = {"USD": price}
    return document


def offer(*items, code="AmazonBedrock", version="20261001000000", pad=0):
    """The offer file that holds the items."""
    return {
        "formatVersion": "v1.0",
        "disclaimer": "x" * pad,
        "offerCode": code,
        "version": version,
        "publicationDate": items[0]["publicationDate"] if items else "2026-10-01T00:00:00Z",
        "products": {each["product"]["sku"]: each["product"] for each in items},
        "terms": {
            "OnDemand": {each["product"]["sku"]: each["terms"]["OnDemand"] for each in items}
        },
    }


def offering_rate(usage_type="USE1-Train:ml.m5.large", rate="0.0828", region="us-east-1", **other):
    offering = {
        "offeringId": "aaaa-1111",
        "paymentOption": "No Upfront",
        "planType": "SageMaker",
        "durationSeconds": 31536000,
        "currency": "USD",
        "planDescription": "1 year No Upfront SageMaker Savings Plan",
    }
    return {
        "savingsPlanOffering": offering | other.pop("offering", {}),
        "rate": rate,
        "unit": "Hrs",
        "productType": "SageMaker",
        "serviceCode": "AmazonSageMaker",
        "usageType": usage_type,
        "operation": "RunInstance",
        "properties": [{"name": "region", "value": region}] if region else [],
    } | other


@dataclass
class FakeAws:
    """What the price list API knows, and how it and the download misbehave.

    `files` maps (service, region, version) to bytes; an edition is in force from the day that its
    version names. `spoil` gets a path and the times it was asked for, and returns what to do to
    the answer: None, ("status", code), ("cut", bytes), ("headers", {...}), ("length", bytes).
    """

    port: int = 0
    page: int = 100
    files: dict = field(default_factory=dict)
    products: dict = field(default_factory=dict)
    plan_rates: list = field(default_factory=list)
    errors: dict = field(default_factory=dict)
    calls: list = field(default_factory=list)
    downloads: list = field(default_factory=list)
    host: str = ""
    packed: bool = False
    ranges: bool = True
    etag: str = '"v1"'
    spoil: object = staticmethod(lambda _path, _time: None)
    tokens: set = field(default_factory=set)

    def publish(self, document, service="AmazonBedrock", region="us-east-1", version=None):
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        version = version or document["version"]
        self.files[service, region, version] = content

    def operations(self):
        return Counter(operation for operation, _ in self.calls)

    def answer(self, operation, request):
        """Return status and body of an API call."""
        self.calls.append((operation, request))
        if self.errors.get(operation):
            code = self.errors[operation].pop(0)
            if code:
                return 400, {"__type": code, "message": "secret words"}
        return 200, getattr(self, operation)(request)

    def ListPriceLists(self, request):  # noqa: N802
        day = datetime.fromtimestamp(request["EffectiveDate"], UTC).strftime("%Y%m%d%H%M%S")
        in_force = {
            region: version
            for service, region, version in sorted(self.files)
            if service == request["ServiceCode"] and version <= day
        }
        wanted = request.get("RegionCode")
        found = [
            {
                "PriceListArn": f"arn:aws:pricing:::price-list/aws/{request['ServiceCode']}/"
                f"USD/{version}/{region}",
                "RegionCode": region,
                "CurrencyCode": "USD",
                "FileFormats": ["json", "csv"],
            }
            for region, version in sorted(in_force.items())
            if wanted in {None, region}
        ]
        return self.paged(request, found, "PriceLists", request["MaxResults"])

    def GetPriceListFileUrl(self, request):  # noqa: N802
        assert request["FileFormat"] == "json"
        service, _, version, region = request["PriceListArn"].split("/")[-4:]
        host = self.host or f"http://127.0.0.1:{self.port}"
        return {"Url": f"{host}/files/{service}/{version}/{region}/index.json?{SIGNED}"}

    def GetProducts(self, request):  # noqa: N802
        assert request["FormatVersion"] == "aws_v1"
        items = self.products.get(request["ServiceCode"], [])
        for match in request.get("Filters", []):
            assert (match["Type"], match["Field"]) == ("TERM_MATCH", "regionCode")
            items = [
                each
                for each in items
                if each["product"]["attributes"].get("regionCode") == match["Value"]
            ]
        texts = [json.dumps(each, indent=1) for each in items]
        return self.paged(request, texts, "PriceList", request["MaxResults"])

    def DescribeSavingsPlansOfferingRates(self, request):  # noqa: N802
        assert request["savingsPlanTypes"] == ["SageMaker"]
        rates = self.plan_rates
        for match in request.get("filters", []):
            rates = [
                rate
                for rate in rates
                if {"name": "region", "value": match["values"][0]} in rate["properties"]
            ]
        return self.paged(request, rates, "searchResults", 1000, "nextToken")

    def paged(self, request, found, key, page_max, next_key="NextToken"):
        assert page_max <= (1000 if key == "searchResults" else 100)
        start = int(request.get(next_key, "at0")[2:])
        end = start + min(self.page, page_max)
        answer = {key: found[start:end]}
        return answer | ({next_key: f"at{end}"} if end < len(found) else {})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    aws: FakeAws

    def log_message(self, *_):
        pass

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        target = self.headers.get("X-Amz-Target") or self.path
        operation = re.split(r"[./]", target)[-1]
        status, body = self.aws.answer(operation, request)
        self.send(status, json.dumps(body).encode(), {"Content-Type": "application/x-amz-json-1.1"})

    def do_GET(self):
        path = self.path.partition("?")[0]
        aws = self.aws
        aws.downloads.append((path, self.headers.get("Range"), self.headers.get("If-Range")))
        action = aws.spoil(path, sum(path == each for each, *_ in aws.downloads)) or ("",)
        if action[0] == "status":
            self.send(action[1], b"spoiled", {"Location": f"http://127.0.0.1:{aws.port}/other"})
            return
        service, version, region = path.split("/")[2:5]
        body = aws.files[service, region, version]
        headers = {"ETag": aws.etag} if aws.etag else {}
        if aws.packed:
            body = gzip.compress(body, mtime=0)
            headers["Content-Encoding"] = "gzip"
        status = 200
        start = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if start and aws.ranges and self.headers.get("If-Range", aws.etag) == aws.etag:
            first = int(start[1])
            headers["Content-Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
            body, status = body[first:], 206
        self.send(status, body, headers | (action[1] if action[0] == "headers" else {}), action)

    def send(self, status, body, headers, action=("",)):
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        with suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(body[: action[1]] if action[0] == "cut" else body)
        self.close_connection = self.close_connection or action[0] in {"cut", "headers"}


@contextmanager
def served():
    """Serve a FakeAws until the end."""
    state = FakeAws()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"aws": state}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    state.port = server.server_port
    yield state
    server.shutdown()
    server.server_close()
