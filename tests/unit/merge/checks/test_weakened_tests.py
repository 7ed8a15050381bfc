from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.merge.checks.weakened_tests import ChangedText, may_hold_tests, weakened_tests

PY = dedent(
    """
    import pytest, unittest
    from pkg import add

    def same(x, y):
        assert x == y

    def test_add():
        assert add(1, 2) == 3
        assert add(2, 2) == 4

    def test_helper():
        same(add(1, 1), 2)

    @pytest.mark.parametrize("x", [1, 2, 3])
    def test_many(x):
        assert add(x, 0) == x

    def test_raises():
        with pytest.raises(TypeError):
            add()

    class TestMore(unittest.TestCase):
        def test_sub(self):
            self.assertEqual(add(1, -1), 0)
    """
)
JS = dedent(
    """
    // it('is a remark', () => {})
    describe('add', () => {
      it('adds', () => { expect(add(1, 2)).toBe(3); expect(add(2, 2)).toBe(4) })
      test(`joins`, async () => { assert.equal(await add('http://x', 'b'), 'ab') })
      it.each([[1, 2], [3, 4]])('is %i', (a, b) => { expect(a).toBeLessThan(b) })
    })
    """
)
RS = dedent(
    """
    pub fn add(a: i32, b: i32) -> i32 { a + b }
    #[cfg(test)]
    mod tests {
        use super::*;
        #[test]
        fn adds() { assert_eq!(add(1, 2), 3); assert!(add(1, 1) == 2); }
        #[tokio::test]
        async fn waits<'a>() { assert_ne!(add(1, 2), 4); }
    }
    """
)
GO = dedent(
    """
    package add

    func TestAdd(t *testing.T) {
    \tif Add(1, 2) != 3 {
    \t\tt.Errorf("http://wrong")
    \t}
    \trequire.Equal(t, 4, Add(2, 2))
    }

    func TestSub(t *testing.T) {
    \tif Add(1, -1) != 0 {
    \t\tt.Fatal("wrong")
    \t}
    }
    """
)
JAVA = dedent(
    """
    class AddTest {
        @Test
        void adds() { assertEquals(3, add(1, 2)); assertThat(add(2, 2)).isEqualTo(4); }
        @ParameterizedTest
        @ValueSource(ints = {1, 2})
        public void many(int x) { assertEquals(x, add(x, 0)); }
    }
    """
)
RUBY = dedent(
    """
    describe "add" do
      it "adds" do
        expect(add(1, 2)).to eq 3 # really
      end
      it "subs" do
        expect(add(1, -1)).to eq 0
      end
    end
    """
)
CSHARP = "class A {\n  [Fact]\n  public void Adds() { Assert.Equal(3, Add(1, 2)); }\n  [Test]\n  public async Task B() { Assert.True(C()); }\n}\n"
FILES = {
    "tests/test_add.py": PY, "web/add.test.ts": JS, "src/add.rs": RS, "add_test.go": GO, "src/test/AddTest.java": JAVA,
    "spec/add_spec.rb": RUBY, "tests/A.cs": CSHARP,
}  # fmt: skip


_AS_ABOVE = "as in FILES"


def found(path: str, new: str | None, old: str | None = _AS_ABOVE, *more: ChangedText) -> str:
    old = FILES.get(path) if old == _AS_ABOVE else old
    return "; ".join(weakened_tests([ChangedText(path=path, old=old, new=new), *more]))


@pytest.mark.parametrize(
    ("path", "before", "after", "what"),
    [
        # Python
        ("tests/test_add.py", "def test_add", "def _test_add", "are gone (test_add)"),
        ("tests/test_add.py", "def test_add", "def check_add", "are gone (test_add)"),
        ("tests/test_add.py", "class TestMore(unittest.TestCase)", "class More", "are gone (TestMore.test_sub)"),
        ("tests/test_add.py", "    assert add(2, 2) == 4\n", "", "assertions were removed (test_add)"),
        ("tests/test_add.py", "    assert add(2, 2) == 4\n", "    # assert add(2, 2) == 4\n", "assertions were removed"),
        ("tests/test_add.py", "assert add(2, 2) == 4", "assert True", "assertions were removed (test_add)"),
        ("tests/test_add.py", "assert add(2, 2) == 4", "add(2, 2) == 4", "assertions were removed (test_add)"),
        ("tests/test_add.py", "    assert add(1, 2) == 3\n", "    return\n    assert add(1, 2) == 3\n", "assertions were"),
        ("tests/test_add.py", "    assert x == y", "    pass", "assertions were removed (test_helper)"),
        ("tests/test_add.py", "with pytest.raises(TypeError)", "with suppress(TypeError)", "removed (test_raises)"),
        ("tests/test_add.py", "self.assertEqual(add(1, -1), 0)", "add(1, -1)", "removed (TestMore.test_sub)"),
        ("tests/test_add.py", "def test_add", "@pytest.mark.skip\ndef test_add", "are skipped (test_add)"),
        ("tests/test_add.py", "def test_add", "@pytest.mark.skipif(True, reason='x')\ndef test_add", "are skipped"),
        ("tests/test_add.py", "def test_add", "@pytest.mark.xfail\ndef test_add", "are skipped (test_add)"),
        ("tests/test_add.py", "class TestMore", "@unittest.skip('x')\nclass TestMore", "skipped (TestMore.test_sub)"),
        ("tests/test_add.py", "    def test_sub", "    @unittest.expectedFailure\n    def test_sub", "are skipped"),
        ("tests/test_add.py", "    assert add(1, 2) == 3", "    pytest.skip('x')\n    assert add(1, 2) == 3", "skipped"),
        ("tests/test_add.py", "        self.assert", "        self.skipTest('x')\n        self.assert", "are skipped"),
        ("tests/test_add.py", "\ndef same", "\npytestmark = pytest.mark.skip\ndef same", "a whole group"),
        ("tests/test_add.py", "\ndef same", "\npytest.skip('x', allow_module_level=True)\ndef same", "a whole group"),
        ("tests/test_add.py", "\ndef same", "\nimport os; os._exit(0)\ndef same", "a whole group"),
        ("tests/test_add.py", "[1, 2, 3]", "[1]", "cases were removed (test_many)"),
        ("tests/test_add.py", "[1, 2, 3]", "[]", "are skipped (test_many)"),
        ("tests/test_add.py", "def test_add():", "def test_add(:", "are gone (test_add, test_helper, test_many and 2"),
        # JavaScript and TypeScript
        ("web/add.test.ts", "it('adds'", "it.skip('adds'", "are skipped (adds)"),
        ("web/add.test.ts", "it('adds'", "xit('adds'", "are skipped (adds)"),
        ("web/add.test.ts", "test(`joins`", "test.todo(`joins`", "are skipped (joins)"),
        ("web/add.test.ts", "test(`joins`,", "test(`joins`, { skip: true },", "are skipped (joins)"),
        ("web/add.test.ts", "describe('add'", "describe.skip('add'", "a whole group"),
        ("web/add.test.ts", "describe('add'", "xdescribe('add'", "a whole group"),
        ("web/add.test.ts", "it('adds'", "it.only('adds'", "a focus"),
        ("web/add.test.ts", "describe('add'", "fdescribe('add'", "a focus"),
        ("web/add.test.ts", "  it('adds'", "  it.only('new', () => {})\n  it('adds'", "a focus"),
        ("web/add.test.ts", " expect(add(2, 2)).toBe(4)", "", "assertions were removed (adds)"),
        ("web/add.test.ts", "expect(add(2, 2)).toBe(4)", "// expect(add(2, 2)).toBe(4)\n", "assertions were removed"),
        ("web/add.test.ts", "expect(add(2, 2)).toBe(4)", "expect(true).toBe(true)", "assertions were removed (adds)"),
        ("web/add.test.ts", "  test(`joins`", "  // test(`joins`", "are gone (joins)"),
        ("web/add.test.ts", "it.each([[1, 2], [3, 4]])('is %i', (a, b) => { expect(a).toBeLessThan(b) })", "", "gone (is %i)"),
        # Rust
        ("src/add.rs", "#[test]\n", "#[test]\n#[ignore]\n", "are skipped (adds)"),
        ("src/add.rs", "#[test]\n", '#[ignore = "slow"]\n#[test]\n', "are skipped (adds)"),
        ("src/add.rs", "    #[test]\n", "", "are gone (adds)"),
        ("src/add.rs", "assert!(add(1, 1) == 2);", "", "assertions were removed (adds)"),
        ("src/add.rs", "assert!(add(1, 1) == 2);", "assert!(true);", "assertions were removed (adds)"),
        ("src/add.rs", "    #[tokio::test]\n", "", "are gone (waits)"),
        # Go
        ("add_test.go", "func TestAdd(t *testing.T) {\n", "func TestAdd(t *testing.T) {\n\tt.Skip()\n", "skipped (TestAdd)"),
        ("add_test.go", "\t\tt.Fatal(\"wrong\")\n", "", "assertions were removed (TestSub)"),
        ("add_test.go", "package add", "//go:build never\n\npackage add", "a whole group"),
        # Others
        ("src/test/AddTest.java", "    @Test\n", "    @Disabled\n    @Test\n", "are skipped (adds)"),
        ("src/test/AddTest.java", "    @Test\n", "    @Test @Ignore(\"x\")\n", "are skipped (adds)"),
        ("src/test/AddTest.java", "assertEquals(3, add(1, 2)); ", "", "assertions were removed (adds)"),
        ("src/test/AddTest.java", "    @ParameterizedTest\n    @ValueSource(ints = {1, 2})\n", "", "are gone (many)"),
        ("spec/add_spec.rb", 'it "adds"', 'xit "adds"', "are skipped (adds)"),
        ("spec/add_spec.rb", 'it "adds"', 'fit "adds"', "a focus"),
        ("spec/add_spec.rb", "    expect(add(1, -1)).to eq 0\n", "", "assertions were removed (subs)"),
        ("tests/A.cs", "[Fact]", '[Fact(Skip = "x")]', "are skipped (Adds)"),
        ("tests/A.cs", "  [Test]\n", "", "are gone (B)"),
    ],
)  # fmt: skip
def test_a_weakened_test_is_found(path: str, before: str, after: str, what: str) -> None:
    assert before in FILES[path]
    told = found(path, FILES[path].replace(before, after))
    assert what in told
    assert path in told


@pytest.mark.parametrize(
    ("path", "old", "new", "weaker"),
    [
        ("tests/test_a.py", "def test_a():\n    assert 1 == 1\n    assert True\n", "def test_a():\n    assert True\n", True),
        ("tests/test_a.py", "def test_a():\n    assert True\n", "def test_a():\n    pass\n", True),
        ("tests/test_a.py", "def test_a():\n    assert True\n", "def test_a():\n    return\n    assert True\n", True),
        ("tests/test_a.py", "def test_a():\n    assert True\n    assert 1\n", "def test_a():\n    assert f()\n", False),
        ("tests/test_a.py", "def test_a():\n    assert True\n", "def test_a():\n    assert 1\n", False),
        ("a.test.js", "it('a', () => { expect(true).toBe(true) })", "it('a', () => {})", True),
        ("a.test.js", "it('a', () => { expect(true).toBe(true) })", "it('a', () => { expect(f()).toBe(1) })", False),
    ],
)  # fmt: skip
def test_an_assertion_that_is_always_true_is_one_until_a_better_one_takes_its_place(
    path: str, old: str, new: str, weaker: bool
) -> None:
    assert ("assertions were removed (" in found(path, new, old)) == weaker


@pytest.mark.parametrize("path", FILES)
def test_a_test_file_that_is_gone(path: str) -> None:
    assert "existing tests are gone" in found(path, None)


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("tests/test_add.py", "def test_add", "def test_new():\n    assert add(0, 0) == 0\n\ndef test_add"),
        ("tests/test_add.py", "def test_add", "@pytest.mark.skip\ndef test_new():\n    pass\n\ndef test_add"),
        ("tests/test_add.py", "assert add(2, 2) == 4", "assert add(2, 3) == 5"),
        ("tests/test_add.py", "def test_add", "def test_addition"),
        ("tests/test_add.py", "[1, 2, 3]", "[1, 2, 3, 4]"),
        ("tests/test_add.py", "[1, 2, 3]", "range(3)") if False else ("tests/test_add.py", "[1, 2, 3]", "[1, 2, 4]"),
        ("tests/test_add.py", "    assert add(1, 2) == 3\n    assert", "    same(add(1, 2), 3)\n    assert"),
        ("tests/test_add.py", "def test_add():", 'def test_add() -> None:\n    """It adds."""'),
        ("tests/test_add.py", "same(add(1, 1), 2)", "assert add(1, 1) == 2"),
        ("tests/test_add.py", "import pytest", "import os\nimport pytest"),
        ("web/add.test.ts", "  it('adds'", "  it('new', () => { expect(1).toBe(x) })\n  it('adds'"),
        ("web/add.test.ts", "  it('adds'", "  it.skip('new', () => { expect(1).toBe(x) })\n  it('adds'"),
        ("web/add.test.ts", "toBe(4)", "toEqual(4)"),
        ("web/add.test.ts", "it('adds'", "it('adds numbers'"),
        ("web/add.test.ts", "// it('is a remark', () => {})\n", ""),
        ("src/add.rs", "{ a + b }", "{ b + a }"),
        ("src/add.rs", "#[test]", "#[test]\n#[ignore]\nfn new() {}\n#[test]"),
        ("src/add.rs", "3); ", "3, \"adds\"); "),
        ("add_test.go", "func TestSub", "func TestNew(t *testing.T) {\n\tt.Skip()\n}\n\nfunc TestSub"),
        ("add_test.go", "Errorf(", "Fatalf("),
        ("src/test/AddTest.java", "    @Test\n", "    @Disabled @Test void new1() { }\n    @Test\n"),
        ("spec/add_spec.rb", 'it "adds"', 'xit "news" do\n  end\n  it "adds"'),
        ("tests/A.cs", "Add(1, 2)", "Add(2, 1)"),
    ],
)  # fmt: skip
def test_added_tests_and_ordinary_edits_are_no_reason(path: str, before: str, after: str) -> None:
    assert before in FILES[path]
    assert found(path, FILES[path].replace(before, after)) == ""


def test_a_new_test_file_is_no_reason() -> None:
    for path, text in FILES.items():
        assert found(path, text.replace("def test_add", "@pytest.mark.skip\ndef test_add"), None) == ""


def test_a_test_that_moves_is_the_same_test() -> None:
    part = PY[PY.index("def test_add") : PY.index("def test_helper")]
    there = ChangedText(path="tests/test_new.py", old=None, new="from pkg import add\n" + part)
    assert found("tests/test_add.py", PY.replace(part, ""), PY, there) == ""
    weaker = ChangedText(path="tests/test_new.py", old=None, new=part.replace("    assert add(2, 2) == 4\n", ""))
    assert "assertions were removed (test_add)" in found("tests/test_add.py", PY.replace(part, ""), PY, weaker)
    aside = ChangedText(path="attic.py", old=None, new=part)
    assert "are gone (test_add)" in found("tests/test_add.py", PY.replace(part, ""), PY, aside)


def test_a_renamed_file_is_compared_with_what_it_was() -> None:
    moved = ChangedText(path="tests/test_sum.py", old=PY, new=PY, old_path="tests/test_add.py")
    assert weakened_tests([moved]) == ()
    out_of_sight = ChangedText(path="attic/add.py", old=PY, new=PY, old_path="tests/test_add.py")
    assert "are gone" in weakened_tests([out_of_sight])[0]


def test_what_a_command_names_is_a_test_file() -> None:
    weaker = ChangedText(path="checks/accept.py", old=PY, new=PY.replace("def test_add", "def add_test"))
    assert weakened_tests([weaker]) == ()
    assert "are gone" in weakened_tests([weaker], frozenset({"checks"}))[0]


@pytest.mark.parametrize(
    ("path", "may"),
    [
        ("tests/test_a.py", True), ("test_a.py", True), ("pkg/a_test.py", True), ("app/tests.py", True),
        ("a.spec.js", True), ("__tests__/a.js", True), ("src/lib.rs", True), ("a_test.go", True), ("x/ATest.kt", True),
        ("src/a.py", False), ("src/latest.py", False), ("contest.py", False), ("a.js", False), ("a.go", False),
        ("tests/data.json", False), ("README.md", False), ("src/protest/a.py", False),
    ],
)  # fmt: skip
def test_where_tests_are_looked_for(path: str, may: bool) -> None:
    assert may_hold_tests(path) is may


@given(path=st.sampled_from(sorted(FILES)), text=st.text())
def test_any_text_is_read_and_is_no_weaker_than_itself(path: str, text: str) -> None:
    assert found(path, text, text) == ""
    found(path, text)
    found(path, None, text)


def test_a_file_that_is_nested_too_deep_is_not_read() -> None:
    deep = "def test_a():\n    assert " + "-" * 3000 + "1\n" + "x = " + "a." * 50_000 + "b\n"
    assert "are gone" in found("tests/test_add.py", deep)
