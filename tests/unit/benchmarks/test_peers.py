from __future__ import annotations

import numpy as np
import pytest

from benchmarks.peers import PEERS, calculation, crane, knative, krr, open_loop, ottoscalr, predictive, swept, tortoise
from benchmarks.peers.history import averaged, history_of
from benchmarks.peers.policy import cpu_policy
from benchmarks.reference import SERVICE
from scaleproof.simulator.traffic.evaluate import evaluate
from scaleproof.simulator.traffic.kernel import REPLICA_SECONDS, VIOLATED
from scaleproof.simulator.traffic.policies import pack_policies
from scaleproof.simulator.traffic.worlds import world_of

SECONDS = np.arange(1200.0)
TRACE = (500 + 400 * np.sin(SECONDS / 150)) * np.random.default_rng(3).uniform(0.9, 1.1, SECONDS.size)


def run(spec, rates=TRACE, seed=1):
    return evaluate(pack_policies([spec], SERVICE), SERVICE, [world_of(rates, SERVICE, seed=seed)])[0, 0]


def target_of(spec):
    return spec.metrics[0].resource.target.average_utilization


@pytest.mark.parametrize("peer", [peer for peer in PEERS if peer.kind == "policy"], ids=lambda peer: peer.name)
def test_a_policy_peer_recommends_within_the_bounds(peer):
    spec = peer.rule(TRACE, SERVICE)
    assert 2 <= spec.min_replicas <= spec.max_replicas <= 50
    assert 30 <= target_of(spec) <= 200  # 200 % of the request is the limit
    assert spec == peer.rule(TRACE, SERVICE)


@pytest.mark.parametrize("peer", [peer for peer in PEERS if peer.kind == "loop"], ids=lambda peer: peer.name)
def test_a_loop_peer_scales_and_pays(peer):
    replica_seconds, violated = peer.rule(TRACE, SERVICE, seed=1)
    assert TRACE.sum() / 140 < replica_seconds < 20 * SECONDS.size
    assert 0 <= violated < 0.05 * TRACE.sum()
    assert (replica_seconds, violated) == peer.rule(TRACE, SERVICE, seed=1)


@pytest.mark.parametrize(("peer", "replicas"), [(knative, 5), (predictive, 5)])
def test_a_constant_rate_needs_a_constant_count(peer, replicas):
    # 400/s: 4.1 replicas of 98/s (70 % of the capacity), 5 of 80/s (80 % of the request)
    assert peer.play(np.full(600, 400.0), SERVICE, seed=2) == (600.0 * replicas, 0.0)


def test_replicas_cost_and_violate_as_in_the_simulator():
    # What remembers a single calculation predicts nothing: Kubernetes' default, second by second instead of in strides.
    burst = np.where((SECONDS > 200) & (SECONDS < 300), 3 * TRACE, TRACE)
    for seed in range(3):
        simulated = run(cpu_policy(80), burst, seed)
        assert simulated[VIOLATED] > 0
        played = predictive.play(burst, SERVICE, seed=seed, remembered=1)
        assert played == pytest.approx((simulated[REPLICA_SECONDS], simulated[VIOLATED]))


def test_history_is_what_the_policy_in_force_made_of_the_traffic():
    history = history_of(np.full(900, 400.0), SERVICE)
    assert set(history.replicas) == {5}
    assert history.usage == pytest.approx(np.full(900, 0.2))  # 80 requests/s of 2.5 ms
    assert averaged(np.arange(5.0), 2).tolist() == [0.5, 2.5]
    assert averaged(np.arange(5.0), 9).tolist() == [2.0]


def test_the_best_fixed_target_is_the_highest_that_holds():
    spec = swept.recommend(TRACE, SERVICE, seeds=range(2))
    over = [run(cpu_policy(target_of(spec) + step), seed=seed)[VIOLATED] for step in (0, 1) for seed in range(2)]
    assert max(over[:2]) <= 0.001 * TRACE.sum() < max(over[2:])
    assert target_of(swept.recommend(10 * TRACE, SERVICE, seeds=[0])) == 40  # 50 replicas are too few for any


def test_krr_ratchets():
    # robusta-dev/krr issue 80: one core at 80 % becomes 0.8, which becomes 0.64.
    assert krr.equivalent_target(0.8, 1000) == 64
    assert krr.equivalent_target(0.64 * 0.8, 1000) == pytest.approx(41, abs=0.1)


def test_krr_takes_the_busiest_pod():
    usage, replicas = np.array([0.1, 0.1, 0.1, 0.3, 0.1]), np.array([1.0, 1, 1, 2, 1])
    assert krr.highest_percentile(usage, np.ones(5)) == pytest.approx(0.26)
    assert krr.highest_percentile(usage, replicas) == pytest.approx(0.3)  # the second pod lived in the busy step alone


def test_ottoscalr_simulates_as_its_own_test_says():
    # flipkart-incubator/ottoscalr pkg/reco/reco_test.go: a point every 5 minutes, a lag of 8; red line 0.85
    cores = np.array([70.0, 90, 90, 60, 90, 120])
    least, available = open_loop.simulated(cores, 8 / 5, 60, 8.2, 0.85, 1, 1000)
    assert available == pytest.approx([90.61, 90.61, 90.61, 83.64, 83.64, 83.64])
    assert least == 12


def test_ottoscalr_finds_the_target_of_its_own_test():
    cores = np.array([60.0, 80, 100, 50, 30])
    target, least, _ = open_loop.highest_target(cores, 5.0, 8.2, 0.85, 1, 1000, 10, 60)
    assert (target, least) == (48, 7)


def test_ottoscalr_holds_a_jump_by_its_minimum():
    # 6,500/s are 16.25 cores, 44 replicas at the red line of 375m: more would come too late
    assert ottoscalr.recommend(np.repeat([100.0, 6500.0], 600), SERVICE) == cpu_policy(120, least=44)


def test_ottoscalr_leaves_the_target_where_every_one_breaches():
    assert ottoscalr.recommend(np.full(600, 8000.0), SERVICE) == cpu_policy(80)  # 20 cores; 50 replicas hold 18.75


def test_crane_takes_the_end_of_the_bucket_and_a_margin():
    # 0.12 cores: the bucket ends at 0.2, with 15 % on top 0.23
    assert crane.target_utilization(np.full(60, 0.12), np.ones(60), 0.4) == 58
    assert crane.target_utilization(np.full(60, 0.12), np.ones(60), 0.25) == 75
    assert crane.target_utilization(np.full(60, 0.02), np.ones(60), 0.5) == 30
    # 400/s are one core: 8 replicas at half of 250m, 6 at 75 %, at most three times 5.3
    constant = np.full(1800, 400.0)
    assert crane.recommend(constant, SERVICE) == cpu_policy(75, least=8, most=16)
    assert crane.recommend_by_advisor(constant, SERVICE) == cpu_policy(75, least=6, most=16)


def test_tortoise_leaves_as_much_room_as_the_peak_needs():
    # mercari/tortoise pkg/recommender/recommender_test.go: 3 of 4 cores at a target of 50 %
    assert tortoise.next_target(50, 3, 4) == 75
    assert tortoise.next_target(80, 2, 4) == 80  # the pods use less than the target: nothing to learn
    assert tortoise.next_target(80, 3.4, 4) == 90
    assert tortoise.next_target(80, 6, 4) == 65


def test_vpa_rounds_up_to_the_end_of_its_bucket():
    usage = np.concatenate((np.full(80, 0.1), np.full(20, 0.2)))
    assert tortoise.vpa_cores(usage, np.ones(100)) == pytest.approx(1.15 * 0.2 * (1.05**15 - 1))


def test_knative_needs_fifteen_for_a_hundred_at_seven_each():
    # help.aliyun.com, Knative Pod Autoscaler: 100 concurrent requests, containerConcurrency 10, utilisation 70 %
    assert knative.decide(0, 15, 100, 100, 7, -1, 0)[0] == 15


def test_knative_panics_as_its_own_test_says():
    # knative/serving pkg/autoscaler/scaling/autoscaler_test.go, UnpanicAfterSlowIncrease: a target of 1
    wanted, since, most = knative.decide(100, 10, 11, 25, 1, -1, 0)
    assert (wanted, since) == (25, 100)  # 25 are over twice the 10 that are ready
    wanted, since, most = knative.decide(130, 40, 30, 41, 1, since, most)
    assert (wanted, since) == (41, 100)  # still in panic, no longer over the threshold
    wanted, since, most = knative.decide(162, 55, 50, 56, 1, since, most)
    assert (wanted, since) == (50, -1)  # calm for a stable window: the stable mean alone


def test_knative_halves_at_most():
    assert knative.decide(0, 40, 3, 3, 1, -1, 0)[0] == 20


@pytest.mark.parametrize(("ahead_seconds", "replicas"), [(0, 5), (10, 6), (15, 7)])
def test_predictive_hpa_extends_the_line_of_its_own_test(ahead_seconds, replicas):
    # algorithms/linear_regression/test_linear_regression.py: 1, 2, 3, 4 every 10 s, asked 9 s after the last
    assert calculation.forecast(np.array([1.0, 2, 3, 4]), (9 + ahead_seconds) / 10) == replicas
