"""Public keys as their readers give them."""

import pytest

from clearing.proof.keys import SealingKeys, fingerprint, new_sealing_keys, pem, read_public_key

KEY = SealingKeys.from_text(new_sealing_keys()).public_keys[1]
OTHER = SealingKeys.from_text(new_sealing_keys()).public_keys[1]


@pytest.mark.parametrize("text", [pem(KEY), f"\n{pem(KEY)}\n\n", pem(KEY).replace("\n", "\r\n")])
def test_a_key_is_read(text: str) -> None:
    assert fingerprint(read_public_key(text)) == fingerprint(KEY)


@pytest.mark.parametrize("text", [pem(KEY) + pem(OTHER), f"key of the hub:\n{pem(KEY)}", pem(KEY) + "x", ""])
def test_a_file_with_more_than_one_key_is_no_key(text: str) -> None:
    with pytest.raises(ValueError, match="not one public key"):
        read_public_key(text)
