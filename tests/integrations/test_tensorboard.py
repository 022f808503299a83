"""The TensorBoard writer, read back with TensorBoard's own reader."""

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests.integrations.readings import GIVEN, MADE, NUMBERS, READINGS, REMARKS, same_numbers
from torch.utils.tensorboard import SummaryWriter

from landscope.integrations.tensorboard import TensorBoardWriter
from landscope.reading import Writer


def read_back(folder):
    events = EventAccumulator(str(folder))
    events.Reload()
    return events


@pytest.fixture
def events(tmp_path):
    writer: Writer = TensorBoardWriter(tmp_path)
    for reading in READINGS:
        writer.write(reading)
    writer.close()
    return read_back(tmp_path)


def test_scalars_stand_under_their_names_at_their_steps(events):
    found = {
        (event.step, name): event.value
        for name in events.Tags()["scalars"]
        for event in events.Scalars(name)
    }

    assert same_numbers(found, NUMBERS)  # all of them are exact in float32


def test_statuses_are_texts(events):
    suffix = "/text_summary"
    found = {
        (event.step, name.removesuffix(suffix)): event.tensor_proto.string_val[0].decode()
        for name in events.Tags()["tensors"]
        for event in events.Tensors(name)
    }

    assert found == REMARKS


def test_histograms_are_histograms(events):
    assert set(events.Tags()["histograms"]) == {GIVEN, MADE}
    (given,) = events.Histograms(GIVEN)
    (made,) = events.Histograms(MADE)

    assert given.step == 3
    # TensorBoard adds an empty bin at the left.
    assert given.histogram_value.bucket[-3:] == [0.5, 1.5, 1.0]
    assert given.histogram_value.bucket_limit[-3:] == [1.0, 2.0, 4.0]
    assert given.histogram_value.num == 3.0
    assert given.histogram_value.sum == 0.5 * 0.5 + 1.5 * 1.5 + 1.0 * 3.0
    assert given.histogram_value.sum_squares == 0.5 * 0.25 + 1.5 * 2.25 + 1.0 * 9.0
    assert made.histogram_value.num == 63.0


def test_a_writer_that_is_given_stays_open_and_keeps_what_else_is_in_it(tmp_path):
    with SummaryWriter(str(tmp_path)) as log:
        writer = TensorBoardWriter(log)
        writer.write(READINGS[0])
        writer.close()
        log.add_scalar("mine", 4.0, 9)

    assert set(read_back(tmp_path).Tags()["scalars"]) == {"gradient/loss", "mine"}
