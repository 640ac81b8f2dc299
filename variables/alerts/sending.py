"""Alerts written to a file for each exposure, or sent to a Kafka broker."""

import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

from exposures.errors import GalprojectError
from exposures.models import GalExposure
from exposures.whole_files import whole_file
from variables.alerts.packets import packets_of, schema

BROKER = re.compile(r"kafka://(?P<servers>[^/\s]+)/(?P<topic>[A-Za-z0-9._-]{1,249})")
SECONDS = 60  # that a broker may take for all that is left to be confirmed
UNNAMED = re.compile(r"[^A-Za-z0-9._+-]+")  # in names of files


class AlertError(GalprojectError):
    """Alerts that can't be written or sent; what was sent before is sent again."""


@dataclass(frozen=True)
class Sent:
    """What was sent of an exposure."""

    n_alerts: int
    to: str  # the file, or the broker and its topic


def send_alerts(exposure: GalExposure, to: str) -> Sent:
    """Send the alerts of an exposure to a folder, or to ``kafka://host:9092,host:9092/topic``.

    A file is whole or not there, and written again leaves what it was once. To a broker alerts are
    sent again where this is called again: ``alert_id`` and the message's key, the source, are the
    same. Raises AlertError.
    """
    if broker := BROKER.fullmatch(to):
        return _to_broker(exposure, broker["servers"], broker["topic"])
    if "://" in to:
        raise AlertError(f"{to} names neither a folder nor kafka://host:9092/topic")
    return _to_file(exposure, Path(to))


def _to_file(exposure, folder):
    avro = _imported("fastavro")
    name = UNNAMED.sub("-", f"{exposure.instrument}-{exposure.identifier}-{exposure.filter}")
    path = folder / f"{name}.avro"
    packets = list(packets_of(exposure))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial, partial.open("wb") as file:
            avro.writer(file, avro.parse_schema(schema()), packets, codec="deflate")
    except OSError as error:
        raise AlertError(f"{path}: {error.strerror}. See that the folder can be written") from error
    return Sent(len(packets), str(path))


def _to_broker(exposure, servers, topic):
    avro, kafka = _imported("fastavro"), _imported("confluent_kafka")
    parsed = avro.parse_schema(schema())
    # Each message once and in order, as far as this process goes, and on every replica.
    producer = kafka.Producer({"bootstrap.servers": servers, "enable.idempotence": True})
    failed: list[str] = []

    def confirm(error, _):
        if error is not None:
            failed.append(str(error))

    n_alerts = _produce(producer, topic, packets_of(exposure), _encoder(avro, parsed), confirm)
    n_left = producer.flush(SECONDS)
    if n_left or failed:
        why = failed[0] if failed else f"no answer within {SECONDS} s"
        raise AlertError(
            f"{servers} did not take {n_left + len(failed)} of {n_alerts} alerts: {why}. "
            "Send them again: manage.py send_alerts"
        )
    return Sent(n_alerts, f"{servers} {topic}")


def _produce(producer, topic, packets: Iterable[dict], encode, confirm) -> int:
    n = 0
    for packet in packets:
        key = str(packet["candidate"]["refsource_id"])
        while True:
            try:
                producer.produce(topic, encode(packet), key, on_delivery=confirm)
                break
            except BufferError:  # more wait for the broker than it holds
                producer.poll(1)
        producer.poll(0)
        n += 1
    return n


def _encoder(avro, parsed) -> Callable[[dict], bytes]:
    """A function that gives a packet as a file of one record, with its schema: readable alone."""

    def encode(packet):
        buffer = io.BytesIO()
        avro.writer(buffer, parsed, [packet])
        return buffer.getvalue()

    return encode


def _imported(name) -> ModuleType:
    try:
        return import_module(name)
    except ImportError as error:
        raise AlertError(f"Alerts need the package {name}: make setup-alerts") from error
