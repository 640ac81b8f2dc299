"""The way in, and the first page."""


def test_one_logs_in_and_sees_the_survey(visit):
    page = visit("reader").page
    assert page.get_by_role("heading", name="The survey").is_visible()
    assert page.get_by_text("Galactic centre").is_visible()
