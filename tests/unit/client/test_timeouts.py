from smi.client.timeouts import Timeouts


def test_watch_ends_in_time_to_tell_silence_from_death() -> None:
    assert [Timeouts().watch(chance) for chance in (0.0, 1.0)] == [60, 75]
    assert Timeouts(idle=0.3).watch(0.5) == 1
