"""Money: exact in between, and rounded only to be shown, half up to the currency's smallest unit."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING

from slo.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Currencies whose smallest unit does not have 2 places [ISO 4217, list one].
_PLACES: Mapping[int, str] = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
#: The others that are paid in [ISO 4217, list one]; metals, bonds and tests are none.
_TWO_PLACES = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP
CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR
IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN
NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP
STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
"""
#: How many places the smallest unit of each currency has.
CURRENCIES: Mapping[str, int] = {
    **dict.fromkeys(_TWO_PLACES.split(), 2),
    **{code: places for places, codes in _PLACES.items() for code in codes.split()},
}


def money(amount: Fraction, currency: str) -> Figure:
    """Say an amount that is not negative, such as `1,234.50 EUR`: half a cent is rounded up."""
    places = CURRENCIES[currency]
    whole, part = divmod(floor(amount * 10**places + Fraction(1, 2)), 10**places)
    return Figure(amount, f"{whole:,}{f'.{part:0{places}}' if places else ''} {currency}")
