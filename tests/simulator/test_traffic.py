import numpy as np
import pytest

from simulator.recording import Recording, RecordingError, parse
from simulator.traffic import Replayed, Shaped

MIDNIGHT = 29_731_680  # 2026-07-13 00:00 UTC, a Monday
DAY = 1440


def shaped(**changes: float) -> Shaped:
    return Shaped(seed=7, peak_rpm=np.array([600.0, 60_000.0]), utc_offset_h=np.array([0.0, -8.0]), **changes)


def test_any_way_to_cut_time_offers_the_same_requests() -> None:
    traffic = shaped(swing=0.5)
    whole = traffic.offered(MIDNIGHT, MIDNIGHT + 90)
    pieces = [traffic.offered(MIDNIGHT + a, MIDNIGHT + b) for a, b in ((0, 1), (1, 40), (40, 90))]
    assert (np.concatenate(pieces) == whole).all()


def test_the_day_peaks_where_the_people_are() -> None:
    rates = shaped(swing=0.6).expected(MIDNIGHT, MIDNIGHT + DAY)
    assert (rates.argmax(axis=0) / 60).tolist() == [14.0, 22.0]
    assert rates[:, 0].max() == pytest.approx(600)
    assert rates[:, 0].min() == pytest.approx(240)


def test_the_weekend_begins_on_saturday() -> None:
    rates = shaped(weekend=0.5).expected(MIDNIGHT, MIDNIGHT + 7 * DAY)[::DAY, 0]
    assert rates.tolist() == [600.0] * 5 + [300.0] * 2


def test_noise_is_that_of_requests_that_come_independently() -> None:
    counts = shaped().offered(MIDNIGHT, MIDNIGHT + 10 * DAY)[:, 0]
    assert counts.mean() == pytest.approx(600, rel=0.01)
    assert counts.var() == pytest.approx(600, rel=0.05)


def test_a_surge_multiplies_what_one_placement_gets_and_leaves_the_others_alone() -> None:
    calm, surged = shaped().offered(MIDNIGHT, MIDNIGHT + 60), None
    surged = shaped().offered(MIDNIGHT, MIDNIGHT + 60, np.array([3.0, 1.0]))
    assert surged[:, 0].mean() == pytest.approx(1800, rel=0.02)
    assert (surged[:, 1] == calm[:, 1]).all()


def test_a_shape_without_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="swing lies between 0 and 1"):
        shaped(swing=1.5)


RECORDED = "timestamp,value\n2014-04-10 00:04:00,94.0\n2014-04-10 00:09:00,57\n2014-04-10 00:19:00,10\n"
FIRST = 23_284_804  # 2014-04-10 00:04 UTC


def replayed(recording: Recording, scale: float = 1.0) -> Replayed:
    weights = np.array([2.0, 1.0, 1.0])
    return Replayed(recording, weights, scale=scale, start=MIDNIGHT, recorded_start=FIRST)


def test_a_recorded_count_is_split_without_losing_a_request() -> None:
    traffic = replayed(parse(RECORDED))
    offered = traffic.offered(MIDNIGHT, MIDNIGHT + 20)
    assert offered.reshape(4, 5, 3).sum(axis=(1, 2)).tolist() == [94, 57, 0, 10]
    assert offered[:5].sum(axis=0).tolist() == pytest.approx([47, 23.5, 23.5], abs=1)


def test_a_scaled_recording_adds_up_too() -> None:
    offered = replayed(parse(RECORDED), scale=1000.0).offered(MIDNIGHT, MIDNIGHT + 10)
    assert offered.reshape(2, 5, 3).sum(axis=(1, 2)).tolist() == [94_000, 57_000]


def test_a_missing_row_stays_missing() -> None:
    missing = replayed(parse(RECORDED)).missing(MIDNIGHT - 1, MIDNIGHT + 21)
    assert missing.tolist() == [True] + [False] * 10 + [True] * 5 + [False] * 5 + [True]


def test_any_way_to_cut_a_recording_offers_the_same_requests() -> None:
    traffic = replayed(parse(RECORDED))
    pieces = [traffic.offered(MIDNIGHT + minute, MIDNIGHT + minute + 1) for minute in range(20)]
    assert (np.concatenate(pieces) == traffic.offered(MIDNIGHT, MIDNIGHT + 20)).all()


def test_a_recording_needs_a_scale_above_zero() -> None:
    with pytest.raises(ValueError, match="scale and the sum of weights are positive"):
        replayed(parse(RECORDED), scale=0.0)


def test_the_report_says_what_was_used_and_what_is_missing() -> None:
    assert parse(RECORDED).report(FIRST, FIRST + 20, 2.0) == {
        "rows_used": 3,
        "requests_recorded": 161.0,
        "minutes_missing": 5,
        "minutes": 20,
        "minutes_per_row": 5,
        "scale": 2.0,
    }


def test_a_bad_recording_names_every_wrong_line() -> None:
    text = RECORDED + "yesterday,3\n2014-04-10 00:24:00,-1\n2014-04-10 00:04:00,5\n"
    with pytest.raises(RecordingError) as caught:
        parse(text, "elb.csv")
    assert [line.split(": ")[0] for line in str(caught.value).splitlines()] == [
        "elb.csv, line 5",
        "elb.csv, line 6",
        "elb.csv, line 7",
    ]


@pytest.mark.parametrize("text", ["", "time,count\n1,2\n", "timestamp,value\n2014-04-10 00:04:00,94\n"])
def test_what_is_no_recording_is_refused(text: str) -> None:
    with pytest.raises(RecordingError, match="expected"):
        parse(text)
