"""What a python grader can import from inside its walls."""

from importlib.util import find_spec

import pytest

from jobs.graders import GraderRuntime, Sample, parse_grader
from tests.jobs.graders.definitions import python

USES = {
    "numpy": "numpy.ones((300, 300)) @ numpy.ones((300, 300))",
    "scipy": "__import__('scipy.optimize').optimize.linear_sum_assignment([[1, 2], [2, 1]])",
    "pandas": "pandas.DataFrame({'a': [1, 2]}).groupby('a').sum()",
    "sklearn": "__import__('sklearn.metrics').metrics.f1_score([1, 0], [1, 1])",
    "rapidfuzz": "__import__('rapidfuzz.fuzz').fuzz.WRatio('a', 'b')",
    "pydantic": "pydantic.create_model('M', a=(int, ...))(a='1')",
    "jsonschema": "jsonschema.validate({'a': 1}, {'type': 'object', 'required': ['a']})",
    "yaml": "yaml.safe_load('a: 1')",
}


@pytest.mark.parametrize("library", USES)
async def test_a_library_can_be_used_where_it_is_installed_and_is_named_where_not(
    runtime: GraderRuntime, library: str
) -> None:
    source = f"import {library}\n\ndef grade(sample, item):\n    {USES[library]}\n    return 1.0\n"
    (grade,) = await runtime.grade(parse_grader(python(source)), [(Sample("x"), {})])
    if find_spec(library) is None:
        assert (grade.detail or "").startswith(
            f"ModuleNotFoundError: No module named '{library}'; it is not installed beside Proctor (in p, line 1"
        )
    else:
        assert (grade.reward, grade.detail) == (1.0, None)
