"""As tests/scenarios/test_crash_points.py, every point in each weather."""

import pytest
from crash_walks import check, told, walk


@pytest.mark.timeout(1800)
def test_nothing_is_lost_at_any_point(tmp_path, capsys):
    walked = walk(tmp_path, step=1, first=0)

    with capsys.disabled():
        print("\n" + told(walked))
    check(walked)
