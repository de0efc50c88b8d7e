"""Filters of symbols, the exchange and assets (filters.md); ``filterType`` says which one a dict is."""

from __future__ import annotations

from typing import Literal, TypedDict

from .common import Number


class PriceFilter(TypedDict):
    filterType: Literal["PRICE_FILTER"]
    minPrice: Number
    maxPrice: Number
    tickSize: Number


class PercentPrice(TypedDict):
    filterType: Literal["PERCENT_PRICE"]
    multiplierUp: Number
    multiplierDown: Number
    avgPriceMins: int


class PercentPriceBySide(TypedDict):
    filterType: Literal["PERCENT_PRICE_BY_SIDE"]
    bidMultiplierUp: Number
    bidMultiplierDown: Number
    askMultiplierUp: Number
    askMultiplierDown: Number
    avgPriceMins: int


class LotSize(TypedDict):
    filterType: Literal["LOT_SIZE"]
    minQty: Number
    maxQty: Number
    stepSize: Number


class MarketLotSize(TypedDict):
    filterType: Literal["MARKET_LOT_SIZE"]
    minQty: Number
    maxQty: Number
    stepSize: Number


class MinNotional(TypedDict):
    filterType: Literal["MIN_NOTIONAL"]
    minNotional: Number
    applyToMarket: bool
    avgPriceMins: int


class Notional(TypedDict):
    filterType: Literal["NOTIONAL"]
    minNotional: Number
    applyMinToMarket: bool
    maxNotional: Number
    applyMaxToMarket: bool
    avgPriceMins: int


class IcebergParts(TypedDict):
    filterType: Literal["ICEBERG_PARTS"]
    limit: int


class MaxNumOrders(TypedDict):
    filterType: Literal["MAX_NUM_ORDERS"]
    maxNumOrders: int


class MaxNumAlgoOrders(TypedDict):
    filterType: Literal["MAX_NUM_ALGO_ORDERS"]
    maxNumAlgoOrders: int


class MaxNumIcebergOrders(TypedDict):
    filterType: Literal["MAX_NUM_ICEBERG_ORDERS"]
    maxNumIcebergOrders: int


class MaxPosition(TypedDict):
    filterType: Literal["MAX_POSITION"]
    maxPosition: Number


class TrailingDelta(TypedDict):
    filterType: Literal["TRAILING_DELTA"]
    minTrailingAboveDelta: int
    maxTrailingAboveDelta: int
    minTrailingBelowDelta: int
    maxTrailingBelowDelta: int


class TPlusSell(TypedDict):
    """Only SBE has it."""

    filterType: Literal["T_PLUS_SELL"]
    endTime: int


class MaxNumOrderAmends(TypedDict):
    filterType: Literal["MAX_NUM_ORDER_AMENDS"]
    maxNumOrderAmends: int


class MaxNumOrderLists(TypedDict):
    filterType: Literal["MAX_NUM_ORDER_LISTS"]
    maxNumOrderLists: int


SymbolFilter = (
    PriceFilter
    | PercentPrice
    | PercentPriceBySide
    | LotSize
    | MarketLotSize
    | MinNotional
    | Notional
    | IcebergParts
    | MaxNumOrders
    | MaxNumAlgoOrders
    | MaxNumIcebergOrders
    | MaxPosition
    | TrailingDelta
    | TPlusSell
    | MaxNumOrderAmends
    | MaxNumOrderLists
)


class ExchangeMaxNumOrders(TypedDict):
    filterType: Literal["EXCHANGE_MAX_NUM_ORDERS"]
    maxNumOrders: int


class ExchangeMaxNumAlgoOrders(TypedDict):
    filterType: Literal["EXCHANGE_MAX_NUM_ALGO_ORDERS"]
    maxNumAlgoOrders: int


class ExchangeMaxNumIcebergOrders(TypedDict):
    filterType: Literal["EXCHANGE_MAX_NUM_ICEBERG_ORDERS"]
    maxNumIcebergOrders: int


class ExchangeMaxNumOrderLists(TypedDict):
    filterType: Literal["EXCHANGE_MAX_NUM_ORDER_LISTS"]
    maxNumOrderLists: int


ExchangeFilter = (
    ExchangeMaxNumOrders | ExchangeMaxNumAlgoOrders | ExchangeMaxNumIcebergOrders | ExchangeMaxNumOrderLists
)


class MaxAsset(TypedDict):
    filterType: Literal["MAX_ASSET"]
    asset: str
    limit: Number


AssetFilter = MaxAsset
