# SPDX-License-Identifier: Apache-2.0
"""A small order function: each invocation makes one trace, some metrics and some logs, and flushes them before it
returns.

Started by a runtime interface client as `python -m awslambdaric handler.handler` in this folder. Every third order's
card is refused.
"""

import repeatable
import telemetry
from opentelemetry.trace import SpanKind, Status, StatusCode

orders = telemetry.meter.create_counter("orders.processed", unit="{order}", description="Orders by outcome")
value = telemetry.meter.create_histogram("orders.value", unit="EUR", description="Value of an order")
open_carts = telemetry.meter.create_up_down_counter("carts.open", unit="{cart}", description="Carts not yet paid")
stock = telemetry.meter.create_gauge("stock.level", unit="{item}", description="Items left of the last article sold")
_invocations = 0


class CardRefused(Exception):
    """The bank said no."""


def _load_cart(number):
    with telemetry.tracer.start_as_current_span("load cart", attributes={"cart.number": number}) as span:
        with telemetry.tracer.start_as_current_span("SELECT carts", kind=SpanKind.CLIENT) as query:
            query.set_attributes({"db.system.name": "postgresql", "db.response.returned_rows": number % 4 + 1})
            repeatable.work(3)
        articles = [f"article-{number * 7 + place}" for place in range(number % 4 + 1)]
        span.set_attribute("cart.articles", articles)
        return articles


def _price(articles, number):
    with telemetry.tracer.start_as_current_span("price") as span:
        repeatable.work(1.5)
        total = round(9.99 * len(articles) + number * 0.25, 2)
        span.add_event("discount applied", {"discount.percent": 2.5, "discount.code": "früh🐦"})
        span.set_attributes({"order.value": total, "order.taxed": True})
        return total


def _charge(total, number):
    with telemetry.tracer.start_as_current_span("charge card", kind=SpanKind.CLIENT, record_exception=False) as span:
        span.set_attributes({"server.address": "bank.example", "server.port": 443})
        repeatable.work(4)
        if number % 3 == 2:
            error = CardRefused("card refused")
            span.record_exception(error)
            span.set_status(Status(StatusCode.ERROR, "card refused"))
            telemetry.logger.error("no payment for order %d", number, exc_info=error)
            return False
        telemetry.logger.info("order %d paid", number, extra={"order.value": total})
        return True


def _process(number):
    open_carts.add(1)
    telemetry.logger.debug("order %d begins", number)
    articles = _load_cart(number)
    total = _price(articles, number)
    paid = _charge(total, number)
    orders.add(1, {"outcome": "paid" if paid else "refused"})
    value.record(total, {"currency": "EUR"})
    stock.set(100 - number, {"article": articles[-1]})
    open_carts.add(-1)
    return {"order": number, "articles": len(articles), "total": total, "paid": paid}


def handler(event, context):
    global _invocations
    number, _invocations = _invocations, _invocations + 1
    invocation_id = telemetry.ids.begin_invocation(number, getattr(context, "aws_request_id", ""))
    attributes = {"faas.invocation_id": invocation_id, "faas.coldstart": number == 0, "faas.trigger": "http"}
    with telemetry.tracer.start_as_current_span("POST /orders", kind=SpanKind.SERVER, attributes=attributes) as span:
        result = _process(number)
        repeatable.work((event or {}).get("work_ms", 0))
        span.set_attribute("http.response.status_code", 200 if result["paid"] else 402)
        result["trace"] = f"{span.get_span_context().trace_id:032x}"
    result["flushed"] = telemetry.flush()
    return result
