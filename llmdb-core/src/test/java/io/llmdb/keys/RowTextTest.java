package io.llmdb.keys;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What PostgreSQL writes is compared in the tests that have one; these are the corners. */
class RowTextTest {

    @Test
    void rowsAreReadOneAfterTheOther() {
        RowText text = new RowText("(a,,\"\")-(\" b\",\"say \"\"hi\"\"\",\"back\\\\slash, (brackets)\")(null,-,NULL)");

        assertThat(text.next(3)).containsExactly("a", null, "");
        assertThat(text.next(3)).isNull();
        assertThat(text.next(3)).containsExactly(" b", "say \"hi\"", "back\\slash, (brackets)");
        assertThat(text.hasMore()).isTrue();
        assertThat(text.next(3)).containsExactly("null", "-", "NULL");
        assertThat(text.hasMore()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "(a", "(a)", "(a,b,c)", "(\"a,b)", "a,b"})
    void whatIsNoSuchRowIsRefusedWithoutBeingQuoted(String text) {
        assertThatThrownBy(() -> new RowText(text).next(2))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("not written as expected");
    }

    @Test
    void lists() {
        assertThat(RowText.list("{}")).isEmpty();
        assertThat(RowText.list("{a,\"b c\",\"\",\"NULL\",\"{x}\",\"q\\\"\\\\\",openai/*}"))
                .containsExactly("a", "b c", "", "NULL", "{x}", "q\"\\", "openai/*");
    }

    @ParameterizedTest
    @ValueSource(strings = {"{{a},{b}}", "{NULL}", "{a,}", "{a", "[0:1]={a,b}", "{a}x"})
    void whatIsNoListOfTextsIsRefused(String text) {
        assertThatThrownBy(() -> RowText.list(text)).isInstanceOf(IllegalStateException.class);
    }

    @ParameterizedTest
    @CsvSource({
        "2026-11-25 18:25:58+00, 2026-11-25T18:25:58Z",
        "2026-11-25 18:25:58.237784+00, 2026-11-25T18:25:58.237784Z",
        "2026-11-25 18:25:58.5-03:30, 2026-11-25T18:25:58.500-03:30",
        "1883-11-18 00:00:00-04:56:02, 1883-11-18T00:00:00-04:56:02",
        "12026-01-02 03:04:05+13, +12026-01-02T03:04:05+13:00",
        "0044-03-15 12:00:00+00 BC, -0043-03-15T12:00:00Z",
    })
    void instants(String postgres, String iso) {
        assertThat(TimeText.parse(postgres)).isEqualTo(OffsetDateTime.parse(iso));
    }

    @Test
    void whatIsInfiniteIsFarAway() {
        assertThat(TimeText.parse("infinity")).isEqualTo(OffsetDateTime.MAX);
        assertThat(TimeText.parse("-infinity").getOffset()).isEqualTo(ZoneOffset.MAX);
        assertThatThrownBy(() -> TimeText.parse("2026-11-25")).isInstanceOf(RuntimeException.class);
    }
}
