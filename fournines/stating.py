"""The form of what becomes of statements: when they are made, where they go, what tasks cost."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from fournines.forms import Duration, Region, Section, context_of, like, refuse
from slo.months import Month
from slo.operations import Price

#: CloudWatch may revise what is younger by hours, and a day's look back must have passed over the last minute
#: [docs/cloudwatch.md].
SETTLE = timedelta(hours=36)
SETTLE_MIN = timedelta(hours=1)

#: [S3 user guide, bucket naming rules]
Bucket = Annotated[str, like(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of an S3 bucket")]
Amount = Annotated[Decimal, Field(ge=0)]


def _prefix(value: str) -> str:
    if value.startswith("/") or (value and not value.endswith("/")):
        raise refuse("expected a prefix such as sla/ that ends with / and does not begin with it")
    return value


def _settled(value: timedelta) -> timedelta:
    if value < SETTLE_MIN:
        raise refuse("expected 1h or more: CloudWatch still tells the last minutes of a month")
    return value


def _month(value: object) -> Month:
    try:
        return Month.parse(str(value))
    except ValueError as error:
        raise refuse(str(error)) from None


def _beside(value: object, info: ValidationInfo) -> str:
    if not isinstance(value, str) or not value:
        raise refuse("expected a folder, relative to this file")
    return str(context_of(info).folder / value)


class S3(Section):
    """The bucket that statements are put into."""

    bucket: Bucket
    region: Region
    prefix: Annotated[str, AfterValidator(_prefix)] = ""
    sse: Literal["AES256", "aws:kms"] = "AES256"
    kms_key: Annotated[str, like(r"arn:aws[a-z-]*:kms:.+:key/.+", "the ARN of a KMS key")] | None = None

    @model_validator(mode="after")
    def _keyed(self) -> Self:
        if self.kms_key and self.sse != "aws:kms":
            raise refuse("expected sse: aws:kms beside kms_key")
        return self


class Statements(Section):
    """When a month's statement is issued by itself, and where it goes besides the store and Slack."""

    settle: Annotated[Duration, AfterValidator(_settled)] = SETTLE
    since: Annotated[Month, BeforeValidator(_month)] | None = None
    formats: Annotated[tuple[Literal["html", "pdf", "csv", "json"], ...], Field(min_length=1)] = (
        "html",
        "pdf",
        "csv",
        "json",
    )
    folder: Annotated[str, BeforeValidator(_beside)] | None = None
    s3: S3 | None = None


class FargatePrice(Section):
    """What Fargate costs in some regions by the hour, and Spot: by its prices, or by a discount."""

    regions: Annotated[tuple[str, ...], Field(min_length=1)] = ("*",)
    vcpu_hour: Amount
    gb_hour: Amount
    spot_vcpu_hour: Amount | None = None
    spot_gb_hour: Amount | None = None
    spot_discount: Annotated[Decimal, Field(ge=0, le=1)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        both = (self.spot_vcpu_hour, self.spot_gb_hour)
        ways = 2 * (self.spot_discount is not None) + 2 - both.count(None)
        if ways != 2:  # noqa: PLR2004 - a discount, or two prices
            raise refuse("expected either spot_discount or both of spot_vcpu_hour and spot_gb_hour")
        vcpu, gb = self.spot
        if vcpu > self.vcpu_hour or gb > self.gb_hour:
            raise refuse("expected Spot to cost no more than Fargate on demand")
        return self

    @property
    def spot(self) -> tuple[Decimal, Decimal]:
        """What an hour on Spot costs for a vCPU and for a GB."""
        if self.spot_discount is not None:
            left = 1 - self.spot_discount
            return self.vcpu_hour * left, self.gb_hour * left
        assert self.spot_vcpu_hour is not None, "one of both ways is written"
        assert self.spot_gb_hour is not None, "one of both ways is written"
        return self.spot_vcpu_hour, self.spot_gb_hour


class Prices(Section):
    """What tasks cost, in one currency; the first line that names a region counts."""

    currency: Annotated[str, like(r"[A-Z]{3}", "a currency such as USD")] = "USD"
    fargate: tuple[FargatePrice, ...] = ()

    @property
    def listed(self) -> tuple[Price, ...]:
        """Return the prices."""
        return tuple(
            Price(
                regions=one.regions,
                currency=self.currency,
                vcpu_hour=one.vcpu_hour,
                gb_hour=one.gb_hour,
                spot_vcpu_hour=one.spot[0],
                spot_gb_hour=one.spot[1],
            )
            for one in self.fargate
        )
