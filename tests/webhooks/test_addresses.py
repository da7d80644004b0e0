"""What is called and what is not, whatever it is written like."""

import pytest

from webhooks.addresses import AddressPolicy, UrlRefused, resolve

PUBLIC = [
    "93.184.216.34",
    "8.8.8.8",
    "2606:2800:220:1:248:1893:25c8:1946",
    "::ffff:8.8.8.8",
    "2002:0808:0808::1",
]
NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104  to be refused
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",  # carriers' NAT
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",  # metadata of clouds
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "fc00::1",
    "fd00:ec2::254",  # metadata of clouds
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


def policy(*addresses: str, allowed: tuple[str, ...] = ()) -> AddressPolicy:
    """One that finds these addresses behind every name."""
    return AddressPolicy(allowed, resolve=lambda host, port: addresses)


def refusal(policy: AddressPolicy, url: str) -> str:
    with pytest.raises(UrlRefused) as refused:
        policy.check(url)
    return str(refused.value)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_called(address: str) -> None:
    assert policy(address).check("https://shop.example/x").addresses == (address,)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_no_other_address_is_called(address: str) -> None:
    told = refusal(policy(address), "https://shop.example/x")
    assert "not a public one" in told
    assert address not in told


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_one_bad_address_among_good_ones_is_enough(address: str) -> None:
    refusal(policy("8.8.8.8", address), "https://shop.example/x")


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://localhost/",
        "https://LOCALHOST./",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://0/",
    ],
)
def test_this_machine_is_found_however_it_is_written(url: str) -> None:
    refusal(AddressPolicy(), url)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://shop.example/", "https://"),
        ("ftp://shop.example/", "https://"),
        ("//shop.example/", "https://"),
        ("shop.example", "https://"),
        ("https:///x", "name a host"),
        ("https://user@shop.example/", "user or password"),
        ("https://a:b@shop.example/", "user or password"),
        ("https://shop.example/#x", "fragment"),
        ("https://shop.example:0/", "Port 0"),
        ("https://shop.example:99999/", "not a URL"),
        ("https://[::1/", "not a URL"),
        ("https://shop.example/ x", "printable"),
        ("https://shop.example/\r\nHost: x", "printable"),
        ("https://商店.example/", "ASCII"),
        ("https://shop.example/" + "x" * 2000, "2000"),
        ("", "printable"),
    ],
)
def test_what_is_no_good_url_is_told_why(url: str, sentence: str) -> None:
    assert sentence in refusal(policy("8.8.8.8"), url)


def test_a_name_without_an_address_is_refused() -> None:
    def nothing(host: str, port: int) -> list[str]:
        raise OSError

    assert "cannot be resolved" in refusal(AddressPolicy(resolve=nothing), "https://shop.example/")
    assert "no address" in refusal(policy(), "https://shop.example/")
    assert "cannot be resolved" in refusal(AddressPolicy(), f"https://{'x' * 70}.example/")


def test_the_operator_allows_networks_and_hosts_without_tls_and_nothing_beside() -> None:
    networks = policy("10.1.2.3", allowed=("10.1.0.0/16", "fd00::/8"))
    assert networks.check("http://pos.example/x").addresses == ("10.1.2.3",)
    refusal(policy("10.2.2.3", allowed=("10.1.0.0/16",)), "http://pos.example/x")
    refusal(policy("10.1.2.3", "10.2.2.3", allowed=("10.1.0.0/16",)), "https://pos.example/x")
    # A public address beside an allowed one may be called, but not without TLS.
    both = policy("10.1.2.3", "8.8.8.8", allowed=("10.1.0.0/16",))
    assert both.check("https://pos.example/x").addresses == ("10.1.2.3", "8.8.8.8")
    refusal(both, "http://pos.example/x")
    hosts = policy("10.9.9.9", allowed=("POS.intranet",))
    assert hosts.check("http://pos.Intranet.:8080/x").host == "pos.intranet"
    refusal(hosts, "http://other.intranet/x")
    refusal(hosts, "http://pos.intranet.evil.example/x")


def test_a_url_is_taken_apart() -> None:
    target = policy("8.8.8.8").check("https://Shop.Example:8443/hooks/1?key=2")
    assert target == ("https", "shop.example", 8443, "/hooks/1?key=2", ("8.8.8.8",))
    assert policy("8.8.8.8").check("https://shop.example")[2:4] == (443, "/")
    assert policy("8.8.8.8").check("https://shop.example?x=1").path == "/?x=1"


def test_the_system_s_names_are_asked_for_addresses() -> None:
    assert "127.0.0.1" in resolve("127.0.0.1", 80)
