"""What the API and exports tell of measurements and candidates follows the columns there are."""

from galproject.api.serializers import CandidateSerializer, MeasurementSerializer
from photometry.storage.columns import NON_DETECTION_DTYPE, SOURCE_DTYPE
from variables.candidates.export import COLUMNS

OF_A_SEARCH = {"distance_arcsec"}  # from the position that was asked for
OPINIONS = {"n_votes", "is_disputed"}  # for files that people sort and filter themselves
# The API leaves out where a source lies on each image.
ON_THE_IMAGE = {"x", "y"}


def test_the_api_has_every_column_of_a_measurement():
    told = set(MeasurementSerializer().fields)
    assert {*SOURCE_DTYPE.names, *NON_DETECTION_DTYPE.names} - told == ON_THE_IMAGE


def test_the_api_and_exports_have_the_same_columns_of_a_candidate():
    told, exported = set(CandidateSerializer.Meta.fields), {column.key for column in COLUMNS}
    assert told - exported == OF_A_SEARCH
    # The API gives objects with their sources at addresses of their own.
    assert exported - told == OPINIONS | {"object_kind", "object_mags"}
