package io.llmdb.settings;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is odd is a warning that says what was probably meant. */
class SettingsWarningsTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                // near misses of our names
                "general_settings | disable_spend_log | is not a known setting; did you mean disable_spend_logs?",
                "general_settings | disable_spendlogs | is not a known setting; did you mean disable_spend_logs?",
                "general_settings | disableSpendLogs  | is not a known setting; did you mean disable_spend_logs?",
                "general_settings | disable-error-logs | is not a known setting; did you mean disable_error_logs?",
                "general_settings | databse_url | is not a known setting; did you mean database_url?",
                "general_settings | store_models_in_db | is not a known setting; did you mean store_model_in_db?",
                "litellm_settings | max_bugdet | is not a known setting; did you mean max_budget?",
                "litellm_settings | time_zone | is not a known setting; did you mean timezone?",
                "llm_settings | store_audit_log | is not a known setting; did you mean store_audit_logs?",
                // in our own section everything unknown
                "llmdb | lease_tiem | is not a known setting; did you mean lease_time?",
                "llmdb | leasetime | is not a known setting; did you mean lease_time?",
                "llmdb | queue_rows_max | is not a known setting",
                "llmdb | xyzzy | is not a known setting",
                // in the wrong place
                "litellm_settings | disable_spend_logs | is not read here; it belongs under general_settings",
                "general_settings | store_audit_logs | is not read here; it belongs under llm_settings or litellm_settings",
                "llmdb | timezone | is not read here; it belongs under llm_settings or litellm_settings",
                "general_settings | lease_time | is not read here; it belongs under llmdb",
                "llmdb | salt_key | is a secret and not read from a file; set the environment variable LLMDB_SALT_KEY",
            })
    void unknownNames(String section, String name, String message) {
        assertThat(warnings("x: 1\n" + section + ":\n  " + name + ": 1\n"))
                .containsExactly("proxy.yaml:3: " + section + "." + name + ": " + message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "general_setting | is not a known section; did you mean general_settings?",
                "generalSettings | is not a known section; did you mean general_settings?",
                "lite_llm_settings | is not a known section; did you mean litellm_settings?",
                "llm_setting | is not a known section; did you mean llm_settings?",
                "llmdb_settings | is not a known section; did you mean llmdb?",
                "disable_spend_logs | is not read here; it belongs under general_settings",
            })
    void unknownSections(String name, String message) {
        assertThat(warnings(name + ":\n  a: 1\n")).containsExactly("proxy.yaml:1: " + name + ": " + message);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "general_settings: {master_key: a}",
                "litellm_settings: {max_tokens: 5}",
                "timeout: 5",
                "schema: x"
            })
    void otherPeoplesNamesAreLeftAlone(String yaml) {
        assertThat(warnings(yaml)).isEmpty();
    }

    @Test
    void misspeltVariables() {
        LlmDbSettings settings = LlmDbSettings.builder()
                .environment(Map.of("LLMDB_LEASE_TIEM", "5s", "LLMDB_SOMETHING_ELSE", "5", "LEASE_TIME", "5s"))
                .build();

        assertThat(settings.warnings())
                .extracting(SettingProblem::toString)
                .containsExactly(
                        "environment LLMDB_LEASE_TIEM: LLMDB_LEASE_TIEM: is not a known setting; did you mean LLMDB_LEASE_TIME?");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "llm_settings: {max_budget: 0} | \"0\" blocks every request that costs something; for no limit, leave it out or write none",
                "llm_settings: {budget_duration: 30d} | \"30d\" has no effect without llm_settings.max_budget or llmdb.soft_budget",
                "general_settings: {disable_spend_updates: true} | \"true\" stops all counters: no budget holds",
                "general_settings: {maximum_spend_logs_retention_period: 30m} | \"30m\" keeps less than a day; m means minutes and mo months",
                "llmdb: {change_poll_interval: 5s} | \"5s\" is so long that a change made on one instance may take longer than 1 s",
                "llmdb: {journal_directory: /var/j} | \"/var/j\" is not used: llmdb.delivery_mode is not journal",
                "llmdb: {unknown_price: 0.5} | \"0.5\" is not used: llmdb.unknown_price_policy is not fixed",
                "general_settings: {database_url: 'postgresql://h/d?connection_limit=5'} | parameter connection_limit of the URL is not used: "
                        + "set general_settings.database_connection_pool_limit",
            })
    void oddValues(String yaml, String message) {
        assertThat(warnings(yaml))
                .singleElement()
                .asString()
                .startsWith("proxy.yaml:1: ")
                .contains(message);
    }

    @Test
    void oddCombinations() {
        assertThat(warnings("llm_settings: {max_budget: 10}\nllmdb: {soft_budget: 20}"))
                .containsExactly(
                        "proxy.yaml:2: llmdb.soft_budget: \"20\" is above llm_settings.max_budget 10 and will hardly be reached");
        assertThat(
                        warnings(
                                "general_settings: {maximum_spend_logs_retention_period: 30d}\nllmdb: {prompts_retention_period: 2mo}"))
                .singleElement()
                .asString()
                .contains(
                        "llmdb.prompts_retention_period: \"2mo\" is longer than general_settings.maximum_spend_logs_retention_period 30d");
    }

    @Test
    void ourNameOfASectionWinsOverLiteLlms() {
        String yaml = """
                litellm_settings:
                  max_budget: 5
                  timezone: UTC
                llm_settings:
                  max_budget: 7
                  timezone: UTC
                """;

        LlmDbSettings settings =
                LlmDbSettings.builder().yaml(yaml, "proxy.yaml").build();

        assertThat(settings.budgets().maxBudget()).isEqualByComparingTo("7");
        assertThat(settings.warnings())
                .extracting(SettingProblem::toString)
                .containsExactly(
                        "proxy.yaml:2: litellm_settings.max_budget: \"5\" is not used, because llm_settings.max_budget in line 5 says "
                                + "otherwise and wins");
    }

    @Test
    void anEmptyFileIsOdd() {
        assertThat(warnings("")).containsExactly("proxy.yaml: is empty");
        assertThat(warnings("# nothing\n")).containsExactly("proxy.yaml: is empty");
    }

    private static List<String> warnings(String yaml) {
        return LlmDbSettings.builder().yaml(yaml, "proxy.yaml").environment(Map.of()).build().warnings().stream()
                .map(SettingProblem::toString)
                .toList();
    }
}
