"""Cost Explorer answers from the ledger, and its answers add up."""

from __future__ import annotations

import decimal

import pytest

LEDGER = """date,amount,SERVICE,RECORD_TYPE,tag:Tenant,tag:Product
2026-09-30,1.00,Amazon RDS,,acme,mate
2026-10-01,0.10,Amazon RDS,,acme,mate
2026-10-01,0.20,Amazon RDS,,globex,mate
2026-10-01,0.07,Amazon ECS,,,
2026-10-02,0.333333333333,Amazon RDS,,acme,mate
2026-10-31,-0.05,Amazon RDS,Credit,,
2026-11-01,5,Tax,Tax,,
"""
TENANT = [{"Type": "TAG", "Key": "Tenant"}]
OCTOBER = {"Start": "2026-10-01", "End": "2026-11-01"}


@pytest.fixture
def costs(cloud):
    path = cloud.state_dir / "ledger.csv"
    path.write_text(LEDGER)
    yield cloud.client("ce")
    path.unlink()


def ask(costs, **more):
    request = {"TimePeriod": OCTOBER, "Granularity": "MONTHLY", "Metrics": ["UnblendedCost"]}
    return costs.get_cost_and_usage(**{**request, **more})


def amounts(result: dict) -> dict[tuple[str, ...], str]:
    return {
        tuple(group["Keys"]): group["Metrics"]["UnblendedCost"]["Amount"]
        for group in result["Groups"]
    }


def test_a_month_has_a_total_and_its_end_does_not_belong_to_it(costs):
    (october,) = ask(costs)["ResultsByTime"]
    assert october["TimePeriod"] == OCTOBER
    assert october["Total"]["UnblendedCost"] == {"Amount": "0.653333333333", "Unit": "USD"}


def test_groups_carry_the_tags_key_and_untagged_costs_have_a_group(costs):
    (october,) = ask(costs, GroupBy=TENANT)["ResultsByTime"]
    assert amounts(october) == {
        ("Tenant$",): "0.02",
        ("Tenant$acme",): "0.433333333333",
        ("Tenant$globex",): "0.20",
    }


def test_two_groupings_cross(costs):
    (october,) = ask(costs, GroupBy=[*TENANT, {"Type": "DIMENSION", "Key": "SERVICE"}])[
        "ResultsByTime"
    ]
    assert amounts(october)["Tenant$", "Amazon ECS"] == "0.07"
    assert amounts(october)["Tenant$", "Amazon RDS"] == "-0.05"


def test_days_are_told_one_by_one_even_when_nothing_was_spent(costs):
    days = ask(
        costs,
        Granularity="DAILY",
        TimePeriod={"Start": "2026-10-01", "End": "2026-10-04"},
        GroupBy=TENANT,
    )["ResultsByTime"]
    assert [len(day["Groups"]) for day in days] == [3, 1, 0]


def test_filters_choose_charges(costs):
    def total(expression: dict) -> decimal.Decimal:
        (october,) = ask(costs, Filter=expression)["ResultsByTime"]
        return decimal.Decimal(october["Total"]["UnblendedCost"]["Amount"])

    usage = {"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Usage"]}}
    acme = {"Tags": {"Key": "Tenant", "Values": ["acme"]}}
    assert total({"Not": usage}) == decimal.Decimal("-0.05")
    assert total({"And": [usage, acme]}) == decimal.Decimal("0.433333333333")
    assert total({"Tags": {"Key": "Tenant", "MatchOptions": ["ABSENT"]}}) == decimal.Decimal("0.02")


def test_pages_hold_everything_once(cloud, costs):
    whole = ask(costs, GroupBy=TENANT, Granularity="DAILY")["ResultsByTime"]
    with cloud.settings(cost_page_groups=2):
        pages, token = [], {}
        while True:
            page = ask(costs, GroupBy=TENANT, Granularity="DAILY", **token)
            pages += page["ResultsByTime"]
            if "NextPageToken" not in page:
                break
            token = {"NextPageToken": page["NextPageToken"]}
    assert len(pages) > len(whole)

    def flat(results: list[dict]) -> list[tuple]:
        return [
            (result["TimePeriod"]["Start"], *group["Keys"])
            for result in results
            for group in result["Groups"]
        ]

    assert flat(pages) == flat(whole)


def test_tags_are_active_when_the_ledger_has_them(costs):
    tags = costs.list_cost_allocation_tags()["CostAllocationTags"]
    assert {(tag["TagKey"], tag["Status"]) for tag in tags} == {
        ("Tenant", "Active"),
        ("Product", "Active"),
    }
    values = costs.get_tags(TimePeriod=OCTOBER, TagKey="Tenant")["Tags"]
    assert values == ["", "acme", "globex"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"TimePeriod": {"Start": "2026-10-01", "End": "2026-10-01"}},
        {"Granularity": "HOURLY"},
        {"Metrics": ["UsageQuantity"]},
        {"GroupBy": TENANT * 3},
    ],
)
def test_what_aws_refuses_is_refused(costs, wrong):
    with pytest.raises(costs.exceptions.ClientError, match="ValidationException"):
        ask(costs, **wrong)


def test_without_a_ledger_nothing_was_spent(cloud):
    (october,) = ask(cloud.client("ce"))["ResultsByTime"]
    assert october["Total"]["UnblendedCost"]["Amount"] == "0"


def test_a_mistake_in_the_ledger_is_named_with_its_line(cloud):
    path = cloud.state_dir / "ledger.csv"
    path.write_text("date,amount\n2026-10-01,1\n2026-10-02,much\n")
    costs = cloud.client("ce")
    with pytest.raises(costs.exceptions.ClientError, match="line 3: 'much' is no amount"):
        ask(costs)
    path.unlink()


def test_what_is_missing_says_so(cloud):
    costs = cloud.client("ce")
    with pytest.raises(costs.exceptions.ClientError, match="has no GetCostForecast"):
        costs.get_cost_forecast(TimePeriod=OCTOBER, Metric="UNBLENDED_COST", Granularity="MONTHLY")
