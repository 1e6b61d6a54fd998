package io.llmdb.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TestSettingsTest {

    @Test
    void areEmbeddedAndNotDurableByDefault() {
        TestSettings settings = load(Map.of("java.io.tmpdir", "/var/tmp", "user.name", "a b/c"), Map.of());
        assertThat(settings)
                .isEqualTo(new TestSettings(
                        "embedded", "postgres:17", false, Path.of("/var/tmp/llmdb-testkit-a_b_c"), false, ""));
    }

    @Test
    void propertiesComeBeforeTheEnvironment() {
        Map<String, String> environment = Map.of(
                "LLMDB_TEST_POSTGRES",
                "testcontainers",
                "LLMDB_TEST_POSTGRES_IMAGE",
                "postgres:15",
                "LLMDB_TEST_DURABLE",
                "true");
        TestSettings settings = load(Map.of("llmdb.test.postgres.image", "postgres:16"), environment);
        assertThat(settings.postgres()).isEqualTo("testcontainers");
        assertThat(settings.image()).isEqualTo("postgres:16");
        assertThat(settings.durable()).isTrue();
    }

    @Test
    void wrongOnesAreRefusedByName() {
        assertThatThrownBy(() -> load(Map.of("llmdb.test.postgres", "mysql"), Map.of()))
                .isInstanceOf(TestkitException.class)
                .hasMessageContaining("llmdb.test.postgres \"mysql\"")
                .hasMessageContaining("testcontainers");
        assertThatThrownBy(() -> load(Map.of("llmdb.test.durable", "yes"), Map.of()))
                .hasMessageContaining("llmdb.test.durable \"yes\"");
        assertThatThrownBy(() -> UrlBackend.of("jdbc:postgresql://one,two/database"))
                .hasMessageContaining("one server");
        assertThatThrownBy(() -> UrlBackend.of("jdbc:postgresql://host/database"))
                .hasMessageContaining("?user=");
    }

    @Test
    void aUrlKeepsItsParametersWithoutRoleAndPassword() {
        UrlBackend backend = UrlBackend.of(
                "jdbc:postgresql://host:6000/maintenance?ssl=true&user=a&password=b%20c&connectTimeout=5");
        assertThat(backend.url("host", 6000, "other"))
                .isEqualTo("jdbc:postgresql://host:6000/other?ssl=true&connectTimeout=5");
        assertThat(backend.admin()).isEqualTo(new Backend.Login("a", "b c"));
        assertThat(backend.admin()).hasToString("a");
    }

    private static TestSettings load(Map<String, String> properties, Map<String, String> environment) {
        return TestSettings.load(properties::get, environment::get);
    }
}
