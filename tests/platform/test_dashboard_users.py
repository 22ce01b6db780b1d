"""Users who open dashboards: seven calls at once an opening, and now and then a save, without an error."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
USERS, SECONDS = 100, 15
OPENING = {
    "identity": {"refresh"},
    "dashboard": {"open_page", "preferences", "shared_layouts", "layout"},
    "orders": {"latest_orders", "daily_revenue"},
}


@pytest.mark.timeout(240)
def test_a_hundred_users_open_and_save_without_an_error(project):
    project.became("scripts/dashboard-project", think="[8, 12]")
    (project.folder / "flat.csv").write_text(
        "\n".join(["second,requests_per_second", *(f"{n},10" for n in range(SECONDS + 1))])
    )
    project.scaleproof("up")
    # Whether the machine is quiet enough for a verdict does not matter.
    project.scaleproof("load", "--users", str(USERS), "--shape", "replay:flat.csv", expect=(0, 1, 3))
    run = project.last_run()
    schedule, requests = run.tables["schedule"], run.requests

    openings = schedule[schedule["task"] == "open_page"]
    assert len(openings) > USERS, "each user opens it more than once"
    for _, opening in openings.iterrows():
        at_once = schedule[(schedule["user"] == opening["user"]) & (schedule["intended_s"] == opening["intended_s"])]
        assert at_once.groupby("service")["task"].agg(set).to_dict() == OPENING

    failed = requests[~requests["ok"]]
    assert failed.groupby(["name", "status", "error"]).size().to_dict() == {}
    first = requests[requests["step"] == 0].set_index("action")
    assert schedule.loc[~schedule["action"].isin(first.index), "task"].tolist() == [], "all was sent"
    assert len(requests) > 40 * SECONDS, "it was a load"
    # Side by side, not one after the other: the calls of an opening are sent before the first of them is answered. Not so where a
    # user has no layout yet, and makes one first.
    played = schedule.merge(first[["sent_s", "finished_s"]], left_on="action", right_index=True)
    played["aside"] = played["action"].isin(requests.loc[requests["step"] > 0, "action"])
    moments = played.groupby(["user", "intended_s"]).agg(
        calls=("action", "count"), aside=("aside", "any"), sent_s=("sent_s", "max"), answered_s=("finished_s", "min")
    )
    pages = moments[(moments["calls"] > 1) & ~moments["aside"]]
    assert len(pages) > USERS / 4
    assert (pages["sent_s"] <= pages["answered_s"]).mean() > 0.8
    saved = requests[requests["name"].str.startswith("PUT ")]
    assert len(saved) > USERS / 10
    assert set(saved["status"]) == {200}
