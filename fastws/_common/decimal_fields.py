"""The fields of results and events that are decimals, by their documented type.

``connect(numbers="float" | "decimal")`` converts exactly these fields, whatever other texts look like: a client order
id "123" stays a str. With "float", a value beyond the range of a double stays an exact text. Source: the fields of
mantissa or float type in the official SBE schemas (spot_3_5.xml, by their JSON names), and web-socket-api.md for
``quoteOrderQty``, which no schema has.
"""

from __future__ import annotations

# In results. A name has the same meaning in all results.
RESULT_FIELDS = frozenset(
    """
    askLimitMultDown askLimitMultUp askMultiplierDown askMultiplierUp askPrice askQty bidLimitMultDown
    bidLimitMultUp bidMultiplierDown bidMultiplierUp bidPrice bidQty buyer commission cummulativeQuoteQty
    cumulativeQuoteQty discount executedQty free highPrice icebergQty lastPrice lastQty limit locked lowPrice maker
    makerPreventedQuantity maxNotional maxPosition maxPrice maxQty minNotional minPrice minQty multiplierDown
    multiplierUp newQty openPrice origQty origQuoteOrderQty p peggedPrice prevClosePrice preventedQty preventedQuantity
    price priceChange priceChangePercent q qty quoteOrderQty quoteQty quoteVolume referencePrice seller stepSize
    stopPrice taker takerPreventedQuantity tickSize volume weightedAvgPrice
    """.split()
)

# Arrays of [price, quantity].
PAIR_FIELDS = frozenset(("asks", "bids"))

# Columns of a kline: open, high, low, close, volume; quote volume; taker's base and quote volume.
KLINE_COLUMNS = (1, 2, 3, 4, 5, 7, 9, 10)

# In events, by the event's type ``e``, since the same letter has different meanings. EVENT_ENTRY_FIELDS: in the entries
# of a list, by the key of the list.
EVENT_FIELDS: dict[str, frozenset[str]] = {
    "executionReport": frozenset("A B F L P Q Y Z gp l n p pL pY pl q z".split()),
    "balanceUpdate": frozenset("d"),
    "externalLockUpdate": frozenset("d"),
    "outboundAccountPosition": frozenset(),
    "allocationReport": frozenset("Q n p q".split()),
}
EVENT_ENTRY_FIELDS: dict[str, dict[str, frozenset[str]]] = {
    "outboundAccountPosition": {"B": frozenset("fl")},
}
