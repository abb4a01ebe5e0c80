"""What a worker notes about itself costs far less than what it notes about."""

from schemas.settings import Settings
from tests.bench.metrics import cost_of_a_scrape, cost_of_notes


def test_notes_cost_less_than_a_hundredth_of_an_event() -> None:
    cost = cost_of_notes(Settings(kafka_bootstrap_servers="none", redis_url="redis://none"), 200_000)
    assert 0 < cost.share < 0.01


def test_a_scrape_costs_less_than_a_thousandth_of_a_core_every_15_seconds() -> None:
    assert cost_of_a_scrape(8) < 15 / 1000
