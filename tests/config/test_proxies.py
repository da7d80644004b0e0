"""Whose word is taken for who asks."""

import pytest

from config import SettingsError, load_settings


def test_no_proxy_is_trusted_unless_told() -> None:
    assert load_settings({"TONGDUI_DATA": "/nowhere"}).proxies == 0
    assert load_settings({"TONGDUI_DATA": "/nowhere", "TONGDUI_PROXIES": "2"}).proxies == 2


@pytest.mark.parametrize("text", ["-1", "11", "one"])
def test_the_number_of_proxies_is_a_small_one(text: str) -> None:
    with pytest.raises(SettingsError, match="TONGDUI_PROXIES"):
        load_settings({"TONGDUI_PROXIES": text})
