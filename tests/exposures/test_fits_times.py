"""Times of headers: their scale, their form, and what part of the exposure they are of."""

import pytest

from exposures.errors import InputFileError
from exposures.fits import read_exposure
from exposures.fits.cards import Cards
from exposures.fits.times import exposure_time
from tests.builders.fits_files import header, write_plain, write_triplet

STORED = 57775.9472086  # MJD in a header
SECONDS = 60.0
HALF = SECONDS / 2 / 86400
NO_DATE = {"DATE-OBS": None}


def time_of(**cards):
    named = {key.replace("_", "-"): value for key, value in cards.items()}
    return exposure_time("a.fits", SECONDS, Cards(None, 0, header(named)))


@pytest.mark.parametrize(
    ("system", "utc"),
    [
        (None, 57775.9472086),
        ("UTC", 57775.9472086),
        ("utc approximate", 57775.9472086),
        ("UTC(NIST)", 57775.9472086),
        ("UT", 57775.9472086),
        ("TAI", 57775.9467804),
        ("IAT", 57775.9467804),
        ("TDB", 57775.9464079),
        ("TT", 57775.9464079),
        ("TT(TAI)", 57775.9464079),
        ("ET", 57775.9464079),
        ("GPS", 57775.9470003),  # 18 leap seconds since 1980
        ("TCB", 57775.9461810),  # 19.6 s before TDB by then
        ("TCG", 57775.9463977),
        ("UT1", 57775.9472021),  # 0.56 s after UTC on that day
    ],
)
def test_times_are_turned_from_the_scale_of_timesys_into_utc(tmp_path, system, utc):
    cards = {**NO_DATE, "MJD-OBS": STORED, "TIMESYS": system}
    facts = read_exposure(write_plain(tmp_path / "a.fits", cards=cards))
    assert facts.mjd - HALF == pytest.approx(utc, abs=1e-7)


def test_a_decam_exposure_in_tai_is_stored_in_utc(tmp_path):
    facts = read_exposure(write_triplet(tmp_path, TIMESYS="TAI", **{"MJD-OBS": STORED}))
    assert facts.mjd - 15 / 86400 == pytest.approx(57775.9467804, abs=1e-7)


def test_cards_that_are_utc_by_their_names_stay_so():
    """Beside dates in TAI, LSST and others write clock times in UTC."""
    moment = time_of(DATE_OBS="2017-01-22", UT="22:44:00", TIMESYS="TAI").mjd - HALF
    assert moment == pytest.approx(57775.9472222, abs=1e-7)
    assert time_of(DATE_OBS="2017-01-22T22:44:00Z", TIMESYS="TAI").mjd - HALF == moment


@pytest.mark.parametrize("system", ["LOCAL", "MST", "?", "sidereal"])
def test_a_time_scale_that_is_not_known_is_refused(tmp_path, system):
    cards = {**NO_DATE, "MJD-OBS": STORED, "TIMESYS": system}
    with pytest.raises(InputFileError, match=r"a.fits.*TIMESYS is '.*'.*Write one of UTC, TAI"):
        read_exposure(write_plain(tmp_path / "a.fits", cards=cards))


BEGINNING = 57775.5  # 2017-01-22T12:00:00


@pytest.mark.parametrize(
    "cards",
    [
        {"JD": 2457776.0},
        {"JD": "2457776.0"},
        {"JD-MID": 2457776.0 + HALF},
        {"JD": (2457776.0 + HALF, "Julian date at mid-exposure")},
        {"MJD": BEGINNING},
        {"MJD-BEG": BEGINNING},
        {"MJD-AVG": BEGINNING + HALF},
        {"MJD-END": BEGINNING + 2 * HALF},
        {"DATE-BEG": "2017-01-22T12:00:00"},
        {"DATE-AVG": "2017-01-22T12:00:30.000"},
        {"DATE-END": "2017-01-22T12:01:00"},
        {"DATE-OBS": "2017-01-22", "DATE-AVG": "2017-01-22T12:00:30"},
        {"DATE-OBS": "22/01/17", "MJD-AVG": BEGINNING + HALF},
        {"EXPSTART": BEGINNING, "EXPEND": BEGINNING + 2 * HALF},
        {"MJDREF": 57775.0, "TSTART": 43200.0},
        {"MJDREFI": 57775, "MJDREFF": 0.25, "TSTART": 0.25, "TIMEUNIT": "d"},
        {"JDREF": 2457775.5, "TSTOP": 721.0, "TIMEUNIT": "min"},
        {"MJD-OBS": 0.0, "JD": 2457776.0},  # a place that was never filled in
        {"MJD-OBS": 2457776.0, "MJD-AVG": BEGINNING + HALF},  # a JD under the wrong name
        {"DATE-OBS": "2017/01/22T12:00"},
    ],
)
def test_the_middle_follows_from_a_beginning_a_middle_or_an_end(tmp_path, cards):
    path = write_plain(tmp_path / "a.fits", cards={**NO_DATE, **cards})
    assert read_exposure(path).mjd == pytest.approx(BEGINNING + HALF, abs=1e-8)


def test_dates_of_the_last_century_are_read_with_their_clock():
    moment = time_of(DATE_OBS="31/12/99", UT="12:00:00").mjd - HALF
    assert moment == pytest.approx(51543.5, abs=1e-9)


def test_every_kind_of_time_is_in_the_scale_of_timesys():
    for cards in (
        {"JD": 2400000.5 + STORED},
        {"MJD_AVG": STORED + HALF},
        {"MJD_END": STORED + 2 * HALF},
        {"MJDREF": 57775.0, "TSTART": 86400 * (STORED - 57775)},
        {"DATE_BEG": "2017-01-22T22:43:58.823"},
    ):
        assert time_of(TIMESYS="TAI", **cards).mjd - HALF == pytest.approx(57775.9467804, abs=1e-7)


@pytest.mark.parametrize("key", ["HJD", "BJD_TDB", "HJD-OBS", "PHJDMID", "JD-HELIO", "BMJD"])
def test_heliocentric_and_barycentric_times_are_not_taken_for_utc(tmp_path, key):
    path = write_plain(tmp_path / "a.fits", cards={**NO_DATE, key: 2457776.0})
    with pytest.raises(InputFileError, match=f"no date but {key}, which is heliocentric or"):
        read_exposure(path)


def test_a_julian_date_that_is_heliocentric_by_its_comment_is_not_taken():
    with pytest.raises(InputFileError, match="no date but JD"):
        time_of(JD=(2457776.0, "Heliocentric Julian date"))


def test_times_that_hold_at_the_barycentre_are_refused():
    with pytest.raises(InputFileError, match="hold at BARYCENTER"):
        time_of(MJD_OBS=STORED, TIMESYS="TDB", TREFPOS="BARYCENTER")


@pytest.mark.parametrize(
    ("cards", "seconds"),
    [
        ({"DATE_OBS": "2017-01-22T12:00:00"}, 1),
        ({"DATE_OBS": "2017-01-22T12:00:00.25"}, 0.01),
        ({"DATE_OBS": "2017-01-22T12:00"}, 60),
        ({"MJD_OBS": 57775.947}, 86.4),
        ({"JD": 2457776.44721}, 0.864),
    ],
)
def test_the_last_digit_says_how_finely_a_time_is_known(cards, seconds):
    assert time_of(**cards).resolution_seconds == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        *("2017-01-22T25:00:00", "2017-01-22T12:61:00", "2017-01-22T12:00:61"),
        *("0000-00-00T00:00:00", "1858-11-17T00:00:00", "22/01/2017", "22/01/17", ""),
    ],
)
def test_a_date_that_there_is_not_is_no_time(text):
    with pytest.raises(InputFileError, match="no date"):
        time_of(DATE_OBS=text, UT=None if "T" in text else "12:00:00")


def test_the_date_of_the_file_is_not_that_of_the_exposure():
    with pytest.raises(InputFileError, match="no date"):
        time_of(DATE="2017-01-22", UT="12:00:00")
