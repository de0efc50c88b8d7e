"""The layout of each SBE message, by its template id.

The documented JSON always has the items without a default. Items with a default are in the JSON only under a condition,
but the schema requires them. layout.py describes how layouts are written.
"""

from __future__ import annotations

from .layout import MESSAGES, Block, Group, pack_message

__all__ = ["MESSAGES", "pack_message"]

# Common parts of orders.

_IDS = "orderId:i64 orderListId:i64?=-1"
_TYPE = """
    status:orderStatus timeInForce:timeInForce orderType@type:orderType side:orderSide
    stopPrice:dec.price? trailingDelta:i64? trailingTime:i64?
"""
_STATE = f"""
    price:dec.price origQty:dec.qty=0 executedQty:dec.qty cummulativeQuoteQty:dec.price {_TYPE}
"""
_STRATEGY = """
    strategyId:i64? strategyType:i32? orderCapacity:orderCapacity=PRINCIPAL workingFloor:floor=EXCHANGE
    selfTradePreventionMode:selfTradePreventionMode=NONE
"""
_PEG = """
    pegPriceType:pegPriceType? pegOffsetType:pegOffsetType? pegOffsetValue:u8? peggedPrice:dec.price?
"""
_EXPONENTS = "priceExponent:exp qtyExponent:exp"
_NAMES = "symbol:str8 clientOrderId:str8"

_PLACED = f"""
    {_IDS} transactTime:i64 {_STATE} workingTime:i64?=-1 icebergQty:dec.qty? {_STRATEGY} tradeGroupId:i64?
    preventedQuantity:dec.qty=0 usedSor:bool=false origQuoteOrderQty:dec.price=0 {_PEG}
    expiryReason:expiryReason?
"""
_CANCELED = f"""
    {_IDS} transactTime:i64 {_STATE} icebergQty:dec.qty? {_STRATEGY}
    preventedQuantity:dec.qty=0 usedSor:bool=false origQuoteOrderQty:dec.price=0 {_PEG}
"""
_CANCELED_NAMES = "symbol:str8 origClientOrderId:str8= clientOrderId:str8"
_AMENDED = f"""
    {_IDS} price:dec.price qty:dec.qty executedQty:dec.qty preventedQty:dec.qty cumulativeQuoteQty:dec.price
    {_TYPE} icebergQty:dec.qty? workingTime:i64?=-1 {_STRATEGY} usedSor:bool=false {_PEG}
"""


def _queried(prevented: str) -> str:
    """A queried order; ``prevented`` names the exponent of the prevented quantity."""
    return f"""
        {_EXPONENTS} {_IDS} {_STATE} icebergQty:dec.qty? time:i64 updateTime:i64 isWorking:bool
        workingTime:i64?=-1 origQuoteOrderQty:dec.price=0 {_STRATEGY} preventedMatchId:i64?
        preventedQuantity:dec.{prevented}=0 usedSor:bool=false {_PEG} expiryReason:expiryReason?
    """


_FILLS = Group(
    "fills",
    """commissionExponent:exp matchType:matchType=AUTO_MATCH price:dec.price qty:dec.qty
    commission:dec.commission tradeId:i64? allocId:i64?""",
    data="commissionAsset:str8?",
)
_PREVENTED = Group(
    "preventedMatches",
    """preventedMatchId:i64 makerOrderId:i64? price:dec.price? takerPreventedQuantity:dec.qty?
    makerPreventedQuantity:dec.qty?""",
    data="makerSymbol:str8?",
)

# Common parts of order lists.

_LIST = """
    orderListId:i64 contingencyType:contingencyType listStatusType:listStatusType
    listOrderStatus:listOrderStatus transactionTime:i64
"""
_LIST_NAMES = "listClientOrderId:str8 symbol:str8"
_LISTED = Group("orders", "orderId:i64", data=_NAMES, small=True)


def _reports(fields: str, *groups: Group, data: str = _NAMES) -> Group:
    return Group("orderReports", fields, *groups, data=data, small=True)


# Common parts of market data.

_LIMIT = "rateLimitType:rateLimitType interval:rateLimitInterval intervalNum:u8 rateLimit@limit:i64"
_LEVEL = "price@0:dec.price qty@1:dec.qty"
_TRADE = "id:i64 price:dec.price qty:dec.qty quoteQty:dec.price time:i64 isBuyerMaker:bool"
_VOLUMES = """
    volume:big.qty quoteVolume:big.price openTime:i64 closeTime:i64 firstId:i64?=-1 lastId:i64?=-1
    numTrades@count:i64
"""
_CHANGE = """
    priceChange:dec.price? priceChangePercent:f32? weightedAvgPrice:dec.price?=0
"""
_RANGE = "openPrice:dec.price?=0 highPrice:dec.price?=0 lowPrice:dec.price?=0"
_BEST = "bidPrice:dec.price?=0 bidQty:dec.qty askPrice:dec.price?=0 askQty:dec.qty"
_DAY = f"""
    {_EXPONENTS} {_CHANGE} prevClosePrice:dec.price?=0 lastPrice:dec.price?=0 lastQty:big.qty {_BEST} {_RANGE}
    {_VOLUMES}
"""
_WINDOW = f"{_EXPONENTS} {_CHANGE} {_RANGE} lastPrice:dec.price?=0 {_VOLUMES}"
_MINI = f"{_EXPONENTS} {_RANGE} lastPrice:dec.price?=0 {_VOLUMES}"
_PRICE = "priceExponent:exp price:dec.price?=0"
_SYMBOL = "symbol:str8"

_SESSION = "connectedSince:i64 returnRateLimits:bool serverTime:i64 userDataStream:bool?"
_NO_KEY = f"authorizedSince:i64? {_SESSION}"
_FILTERS = "filter@.:msg8.filter"
_TEXT = "@.:str8"

MESSAGES |= {
    # Filters of exchangeInfo, execution rules
    1: Block("priceExponent:exp minPrice:dec.price maxPrice:dec.price tickSize:dec.price"),
    2: Block(
        "multiplierExponent:exp multiplierUp:dec.multiplier multiplierDown:dec.multiplier avgPriceMins:i32"
    ),
    3: Block(
        """multiplierExponent:exp bidMultiplierUp:dec.multiplier bidMultiplierDown:dec.multiplier
        askMultiplierUp:dec.multiplier askMultiplierDown:dec.multiplier avgPriceMins:i32"""
    ),
    4: Block("qtyExponent:exp minQty:dec.qty maxQty:dec.qty stepSize:dec.qty"),
    5: Block("priceExponent:exp minNotional:dec.price applyToMarket:bool avgPriceMins:i32"),
    6: Block(
        """priceExponent:exp minNotional:dec.price applyMinToMarket:bool maxNotional:dec.price
        applyMaxToMarket:bool avgPriceMins:i32"""
    ),
    7: Block("filterLimit@limit:i64"),
    8: Block("qtyExponent:exp minQty:dec.qty maxQty:dec.qty stepSize:dec.qty"),
    9: Block("maxNumOrders:i64"),
    10: Block("maxNumAlgoOrders:i64"),
    11: Block("maxNumIcebergOrders:i64"),
    12: Block("qtyExponent:exp maxPosition:dec.qty"),
    13: Block(
        """minTrailingAboveDelta:i64 maxTrailingAboveDelta:i64 minTrailingBelowDelta:i64
        maxTrailingBelowDelta:i64"""
    ),
    14: Block("endTime:i64?=-1"),
    15: Block("maxNumOrders:i64"),
    16: Block("maxNumAlgoOrders:i64"),
    17: Block("maxNumIcebergOrders:i64"),
    18: Block("maxNumOrderLists:i64"),
    19: Block("maxNumOrderLists:i64"),
    20: Block("maxNumOrderAmends:i64"),
    21: Block("qtyExponent:exp maxQty@limit:dec.qty", data="asset:str8"),
    22: Block(
        """multiplierExponent:exp bidLimitMultUp:dec.multiplier? bidLimitMultDown:dec.multiplier?
        askLimitMultUp:dec.multiplier? askLimitMultDown:dec.multiplier?"""
    ),
    # The reply, and session.*
    50: Block(
        "sbeSchemaIdVersionDeprecated:bool status:u16",
        Group("rateLimits", f"{_LIMIT} current@count:i64", small=True),
        data="id:str8 result:raw32",
    ),
    51: Block(f"authorizedSince:i64 {_SESSION}", data="loggedOnApiKey@apiKey:str16"),
    52: Block(_NO_KEY, data="loggedOnApiKey@apiKey:str16?"),
    53: Block(_NO_KEY, data="loggedOnApiKey@apiKey:str16?"),
    54: Block("", Group("subscriptions@.", "subscriptionId:u16 expirationTime:i64?")),
    # General
    100: Block(
        "code:i16 serverTime@data.serverTime:i64? retryAfter@data.retryAfter:i64?",
        data="msg:str16 data@replaced:msg32.replaced?",
    ),
    101: Block(),
    102: Block("serverTime:i64"),
    103: Block(
        "",
        Group("rateLimits", _LIMIT),
        Group("exchangeFilters", data=_FILTERS),
        Group(
            "symbols",
            """status:symbolStatus baseAssetPrecision:u8 quoteAssetPrecision:u8 baseCommissionPrecision:u8
            quoteCommissionPrecision:u8 orderTypes:orderTypes icebergAllowed:bool ocoAllowed:bool
            otoAllowed:bool quoteOrderQtyMarketAllowed:bool allowTrailingStop:bool cancelReplaceAllowed:bool
            amendAllowed:bool isSpotTradingAllowed:bool isMarginTradingAllowed:bool
            defaultSelfTradePreventionMode:selfTradePreventionMode
            allowedSelfTradePreventionModes:allowedSelfTradePreventionModes pegInstructionsAllowed:bool?""",
            Group("filters", data=_FILTERS),
            Group("permissionSets", "", Group("permissions@.", data=f"permission{_TEXT}")),
            data="symbol:str8 baseAsset:str8 quoteAsset:str8",
        ),
        Group("sors", "", Group("sorSymbols@symbols", data=f"symbol{_TEXT}"), data="baseAsset:str8"),
    ),
    104: Block("", Group("symbolRules", "", Group("rules", data="rule@.:msg8.rule"), data=_SYMBOL)),
    105: Block(
        "",
        Group("exchangeFilters", data=_FILTERS),
        Group("symbolFilters", data=_FILTERS),
        Group("assetFilters", data=_FILTERS),
    ),
    # Market data
    200: Block(f"lastUpdateId:i64 {_EXPONENTS}", Group("bids", _LEVEL), Group("asks", _LEVEL)),
    201: Block(_EXPONENTS, Group("trades@.", f"{_TRADE} isBestMatch:bool")),
    202: Block(
        _EXPONENTS,
        Group(
            "aggTrades@.",
            """aggTradeId@a:i64 price@p:dec.price qty@q:dec.qty firstTradeId@f:i64 lastTradeId@l:i64 time@T:i64
            isBuyerMaker@m:bool isBestMatch@M:bool""",
        ),
    ),
    203: Block(
        _EXPONENTS,
        Group(
            "klines@.",
            """openTime@0:i64 openPrice@1:dec.price highPrice@2:dec.price lowPrice@3:dec.price
            closePrice@4:dec.price volume@5:big.qty closeTime@6:i64 quoteVolume@7:big.price numTrades@8:i64
            takerBuyBaseVolume@9:big.qty takerBuyQuoteVolume@10:big.price""",
        ),
    ),
    204: Block("mins:i64 priceExponent:exp price:dec.price?=0 closeTime:i64?=-1"),
    205: Block(_DAY, data=_SYMBOL),
    206: Block("", Group("tickers@.", _DAY, data=_SYMBOL)),
    207: Block(_MINI, data=_SYMBOL),
    208: Block("", Group("tickers@.", _MINI, data=_SYMBOL)),
    209: Block(_PRICE, data=_SYMBOL),
    210: Block("", Group("tickers@.", _PRICE, data=_SYMBOL)),
    211: Block(f"{_EXPONENTS} {_BEST}", data=_SYMBOL),
    212: Block("", Group("tickers@.", f"{_EXPONENTS} {_BEST}", data=_SYMBOL)),
    213: Block(_WINDOW, data=_SYMBOL),
    214: Block("", Group("tickers@.", _WINDOW, data=_SYMBOL)),
    215: Block(_MINI, data=_SYMBOL),
    216: Block("", Group("tickers@.", _MINI, data=_SYMBOL)),
    217: Block("priceExponent:exp referencePrice:dec.price? timestamp:i64", data=_SYMBOL),
    218: Block(
        "calculationType:calculationType externalCalculationId:i64? bucketCount:u32? bucketWidthMs:u32?",
        data=_SYMBOL,
    ),
    219: Block(_EXPONENTS, Group("blockTrades@.", _TRADE)),
    # Orders
    300: Block(f"{_IDS} transactTime:i64", data=_NAMES),
    301: Block(f"{_EXPONENTS} {_PLACED}", data=_NAMES),
    302: Block(f"{_EXPONENTS} {_PLACED}", _FILLS, _PREVENTED, data=_NAMES),
    303: Block(),
    304: Block(_queried("qty"), data=_NAMES),
    305: Block(f"{_EXPONENTS} {_CANCELED}", data=_CANCELED_NAMES),
    306: Block("", Group("responses@.", data="response@.:msg16.canceled")),
    307: Block(
        "cancelResult:cancelReplaceStatus newOrderResult:cancelReplaceStatus",
        data="cancelResponse:msg16.canceled? newOrderResponse:msg32.placed?",
    ),
    308: Block("", Group("orders@.", _queried("price"), data=_NAMES)),
    309: Block(_LIST, _LISTED, _reports(f"{_IDS} transactTime:i64"), data=_LIST_NAMES),
    310: Block(f"{_LIST} {_EXPONENTS}", _LISTED, _reports(_PLACED), data=_LIST_NAMES),
    311: Block(f"{_LIST} {_EXPONENTS}", _LISTED, _reports(_PLACED, _FILLS, _PREVENTED), data=_LIST_NAMES),
    312: Block(f"{_LIST} {_EXPONENTS}", _LISTED, _reports(_CANCELED, data=_CANCELED_NAMES), data=_LIST_NAMES),
    313: Block(_LIST, _LISTED, data=_LIST_NAMES),
    314: Block(
        "", Group("orderLists@.", _LIST, Group("orders", "orderId:i64", data=_NAMES), data=_LIST_NAMES)
    ),
    315: Block(
        """commissionExponent:exp discountExponent:exp
        standardCommissionForOrderMaker@standardCommissionForOrder.maker:dec.commission
        standardCommissionForOrderTaker@standardCommissionForOrder.taker:dec.commission
        taxCommissionForOrderMaker@taxCommissionForOrder.maker:dec.commission
        taxCommissionForOrderTaker@taxCommissionForOrder.taker:dec.commission
        discountEnabledForAccount@discount.enabledForAccount:bool
        discountEnabledForSymbol@discount.enabledForSymbol:bool discount@discount.discount:dec.discount
        specialCommissionForOrderMaker@specialCommissionForOrder.maker:dec.commission?
        specialCommissionForOrderTaker@specialCommissionForOrder.taker:dec.commission?""",
        data="discountAsset@discount.discountAsset:str8?",
    ),
    316: Block(
        "",
        Group(
            "amendments@.",
            "orderId:i64 executionId:i64 qtyExponent:exp origQty:dec.qty newQty:dec.qty time:i64",
            data="symbol:str8 origClientOrderId:str8 newClientOrderId:str8",
        ),
    ),
    317: Block(
        f"transactTime:i64 executionId:i64 {_EXPONENTS} {_AMENDED}",
        Group(
            "listStatus",
            "orderListId:i64 contingencyType:contingencyType listOrderStatus:listOrderStatus",
            _LISTED,
            data=_LIST_NAMES,
            small=True,
        ),
        Group("relatedOrders", _AMENDED, data="symbol:str8 clientOrderId:str8?", small=True),
        data="symbol:str8 origClientOrderId:str8? clientOrderId:str8?",
    ),
    # Accounts
    400: Block(
        """commissionExponent:exp commissionRateMaker@commissionRates.maker:dec.commission
        commissionRateTaker@commissionRates.taker:dec.commission
        commissionRateBuyer@commissionRates.buyer:dec.commission
        commissionRateSeller@commissionRates.seller:dec.commission canTrade:bool canWithdraw:bool
        canDeposit:bool brokered:bool requireSelfTradePrevention:bool preventSor:bool updateTime:i64
        accountType:accountType tradeGroupId:i64? uid:i64""",
        Group("balances", "exponent:exp free:dec.exponent locked:dec.exponent", data="asset:str8"),
        Group("permissions", data=f"permission{_TEXT}"),
        Group("reduceOnlyAssets", data=f"asset{_TEXT}"),
    ),
    401: Block(
        "",
        Group(
            "trades@.",
            f"""{_EXPONENTS} commissionExponent:exp id:i64 {_IDS} price:dec.price qty:dec.qty
            quoteQty:dec.price commission:dec.commission time:i64 isBuyer:bool isMaker:bool
            isBestMatch:bool""",
            data="symbol:str8 commissionAsset:str8?",
        ),
    ),
    402: Block("", Group("rateLimits@.", f"{_LIMIT} numOrders@count:i64")),
    403: Block(
        "",
        Group(
            "preventedMatches@.",
            f"""{_EXPONENTS} preventedMatchId:i64 takerOrderId:i64 makerOrderId:i64 tradeGroupId:i64
            selfTradePreventionMode:selfTradePreventionMode price:dec.price takerPreventedQuantity:dec.qty?
            makerPreventedQuantity:dec.qty? transactTime:i64""",
            data="symbol:str8 makerSymbol:str8",
        ),
    ),
    404: Block(
        "",
        Group(
            "allocations@.",
            f"""{_EXPONENTS} commissionExponent:exp allocationId:i64 allocationType:allocationType {_IDS}
            sourceTradeId:i64? sourceAllocationId:i64? price:dec.price qty:dec.qty quoteQty:dec.price
            commission:dec.commission? time:i64 isBuyer:bool isMaker:bool isAllocator:bool""",
            data="symbol:str8 commissionAsset:str8? sourceSymbol:str8?",
        ),
    ),
    405: Block(
        """commissionExponent:exp discountExponent:exp
        standardCommissionMaker@standardCommission.maker:dec.commission
        standardCommissionTaker@standardCommission.taker:dec.commission
        standardCommissionBuyer@standardCommission.buyer:dec.commission
        standardCommissionSeller@standardCommission.seller:dec.commission
        taxCommissionMaker@taxCommission.maker:dec.commission
        taxCommissionTaker@taxCommission.taker:dec.commission
        taxCommissionBuyer@taxCommission.buyer:dec.commission
        taxCommissionSeller@taxCommission.seller:dec.commission
        discountEnabledForAccount@discount.enabledForAccount:bool
        discountEnabledForSymbol@discount.enabledForSymbol:bool discount@discount.discount:dec.discount
        specialCommissionMaker@specialCommission.maker:dec.commission?
        specialCommissionTaker@specialCommission.taker:dec.commission?
        specialCommissionBuyer@specialCommission.buyer:dec.commission?
        specialCommissionSeller@specialCommission.seller:dec.commission?""",
        data="symbol:str8 discountAsset@discount.discountAsset:str8?",
    ),
    # User data streams: requests, then events
    503: Block("subscriptionId:u16?"),
    504: Block(),
    505: Block("subscriptionId:u16 expirationTime:i64"),
    600: Block(
        f"""eventTime@E:i64 transactTime@T:i64 {_EXPONENTS} commissionExponent:exp
        allocationTransactionType@x:allocationTransactionType allocationReportType@r:allocationReportType
        allocationStatus@X:allocationStatus side@S:orderSide counterPartyRole@P:counterPartyRole
        counterPartyExternalAccountId@h:i64 counterPartyOrderId@I:i64 allocationReportId@R:i64
        allocationId@a:i64 sourceOrderId@i:i64 sourceOrderListId@g:i64?=-1 sourceTradeId@t:i64?
        sourceAllocationId@Sa:i64? price@p:dec.price qty@q:dec.qty quoteQty@Q:dec.price
        commission@n:dec.commission subscriptionId:u16?""",
        data="symbol@s:str8 commissionAsset@N:str8? sourceSymbol@Ss:str8?",
    ),
    601: Block(
        "eventTime@E:i64 clearTime@T:i64? qtyExponent:exp freeQtyDelta@d:dec.qty subscriptionId:u16?",
        data="asset@a:str8",
    ),
    602: Block("eventTime@E:i64 subscriptionId:u16?"),
    603: Block(
        f"""eventTime@E:i64 transactTime@T:i64 {_EXPONENTS} commissionExponent:exp
        orderCreationTime@O:i64?=-1 workingTime@W:i64? orderId@i:i64 orderListId@g:i64?=-1 origQty@q:dec.qty
        price@p:dec.price origQuoteOrderQty@Q:dec.price icebergQty@F:dec.qty stopPrice@P:dec.price
        orderType@o:orderType side@S:orderSide timeInForce@f:timeInForce executionType@x:executionType
        orderStatus@X:orderStatus tradeId@t:i64?=-1 executionId@I:i64 executedQty@z:dec.qty
        cummulativeQuoteQty@Z:dec.price lastQty@l:dec.qty lastPrice@L:dec.price quoteQty@Y:dec.price
        commission@n:dec.commission isWorking@w:bool isMaker@m:bool isBestMatch@M:bool
        matchType@b:matchType=AUTO_MATCH selfTradePreventionMode@V:selfTradePreventionMode
        orderCapacity@y:orderCapacity=PRINCIPAL workingFloor@k:floor=EXCHANGE usedSor@uS:bool=false
        allocId@a:i64? trailingDelta@d:u64? trailingTime@D:i64? tradeGroupId@u:i64? preventedQty@A:dec.qty=0
        lastPreventedQty@B:dec.qty? preventedMatchId@v:i64? preventedExecutionQty@pl:dec.qty?
        preventedExecutionPrice@pL:dec.price? preventedExecutionQuoteQty@pY:dec.price? strategyType@J:i32?
        strategyId@j:i64? counterOrderId@U:i64? subscriptionId:u16? pegPriceType@gP:pegPriceType?
        pegOffsetType@gOT:pegOffsetType? pegOffsetValue@gOV:u8? peggedPrice@gp:dec.price?
        expiryReason@eR:expiryReason?""",
        data="""symbol@s:str8 clientOrderId@c:str8 origClientOrderId@C:str8?= commissionAsset@N:str8?
        rejectReason@r:str8?=NONE counterSymbol@Cs:str8?""",
    ),
    604: Block(
        "eventTime@E:i64 clearTime@T:i64 qtyExponent:exp lockedQtyDelta@d:dec.qty subscriptionId:u16?",
        data="asset@a:str8",
    ),
    606: Block(
        """eventTime@E:i64 transactTime@T:i64 orderListId@g:i64 contingencyType@c:contingencyType
        listStatusType@l:listStatusType listOrderStatus@L:listOrderStatus subscriptionId:u16?""",
        Group("orders@O", "orderId@i:i64", data="symbol@s:str8 clientOrderId@c:str8", small=True),
        data="symbol@s:str8 listClientOrderId@C:str8 rejectReason@r:str8?=NONE",
    ),
    607: Block(
        "eventTime@E:i64 updateTime@u:i64 subscriptionId:u16?",
        Group("balances@B", "exponent:exp free@f:dec.exponent locked@l:dec.exponent", data="asset@a:str8"),
    ),
    610: Block("eventTime@E:i64"),
    999: Block(),
}
