package io.llmdb.tests.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.LlmDb;
import io.llmdb.common.PageRequest;
import io.llmdb.models.CredentialKeys;
import io.llmdb.models.CredentialRotation;
import io.llmdb.models.ModelCatalog;
import io.llmdb.models.ProxyModel;
import io.llmdb.models.ProxyModelFilter;
import io.llmdb.models.ProxyModelSpec;
import io.llmdb.models.WrongCredentialsKeyException;
import io.llmdb.settings.Secret;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.SecretScan;
import io.llmdb.testkit.TestDatabase;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Models in the database: their credentials, a new key for these, and what every instance knows of them. */
@LlmDbTest
class StoredModelsTest {

    private static final String OLD = "the old key of a test, which nobody guesses";
    private static final String NEW = "the new key of a test, which nobody guesses either";

    /** More than a second, because machines that build are busy; what changes is told four times a second. */
    private static final Duration SOON = Duration.ofSeconds(5);

    private static LlmDb open(TestDatabase database, String key, @Nullable String earlier) {
        return LlmDb.open(database.settings()
                .models(models -> models.storeModelInDb(true)
                        .saltKey(Secret.of(key))
                        .earlierSaltKey(earlier == null ? null : Secret.of(earlier)))
                .build());
    }

    private static ProxyModelSpec model(int number) {
        return ProxyModelSpec.of("gpt-" + number, Map.of("model", "openai/gpt-4o", "api_key", secret(number)));
    }

    private static String secret(int number) {
        return "sk-of-the-provider-" + number;
    }

    private static ModelCatalog catalog(LlmDb db) {
        return db.modelCatalog().orElseThrow();
    }

    private static Object apiKey(ProxyModel model) {
        return model.spec().params().get("api_key");
    }

    @Test
    void whatOneInstanceChangesAllKnow(TestDatabase database) {
        try (LlmDb one = open(database, OLD, null);
                LlmDb other = open(database, OLD, null)) {
            ProxyModel made = one.admin().models().create(model(1));
            Await.until(
                    "the other has it",
                    SOON,
                    () -> catalog(other).named("gpt-1").size() == 1);
            assertThat(apiKey(catalog(other).named("gpt-1").get(0))).isEqualTo(secret(1));

            one.admin().models().update(made.id(), spec -> spec.withParams(Map.of("api_key", secret(2))));
            Await.until(
                    "the other has the new secret",
                    SOON,
                    () -> catalog(other).named("gpt-1").stream()
                            .allMatch(model -> secret(2).equals(apiKey(model))));

            one.admin().models().block(made.id());
            Await.until(
                    "the other lets nobody use it", SOON, () -> catalog(other).isBlocked("gpt-1"));

            one.admin().models().delete(made.id());
            Await.until(
                    "the other has it no more",
                    SOON,
                    () -> catalog(other).models().isEmpty());
        }
    }

    @Test
    void aCredentialIsGoodInItsOwnRowOnly(TestDatabase database) {
        try (LlmDb db = open(database, OLD, null)) {
            ProxyModel one = db.admin().models().create(model(1));
            ProxyModel other = db.admin().models().create(model(2));
            SecretScan.of(List.of(secret(1), secret(2))).over(database).foundNothing();

            database.execute(
                    "UPDATE ${llmdb}.\"LLM_ProxyModelTable\" SET llm_params = (SELECT llm_params FROM"
                            + " ${llmdb}.\"LLM_ProxyModelTable\" WHERE model_id = ?) WHERE model_id = ?",
                    one.id(),
                    other.id());

            assertThat(db.admin().models().find(one.id()))
                    .hasValueSatisfying(model -> assertThat(apiKey(model)).isEqualTo(secret(1)));
            assertThatThrownBy(() -> db.admin().models().find(other.id()))
                    .isInstanceOf(WrongCredentialsKeyException.class)
                    .hasMessageContaining(other.id());
        }
    }

    @Test
    void aWrongKeyIsToldWhenItIsOpened(TestDatabase database) {
        try (LlmDb db = open(database, OLD, null)) {
            db.admin().models().create(model(1));
        }
        assertThatThrownBy(() -> open(database, NEW, null))
                .isInstanceOf(WrongCredentialsKeyException.class)
                .hasMessageNotContaining(NEW)
                .hasMessageNotContaining(OLD);
    }

    @Test
    void aRotationThatIsBrokenOffGoesOn(TestDatabase database) {
        CredentialKeys from = CredentialKeys.parse(OLD);
        CredentialKeys to = CredentialKeys.parse(NEW);
        try (LlmDb db = open(database, OLD, null)) {
            IntStream.range(0, 250).forEach(number -> db.admin().models().create(model(number)));
        }
        try (LlmDb both = open(database, NEW, OLD)) {
            assertThatThrownBy(() -> both.admin().models().rotateCredentials(from, to, done -> {
                        throw new IllegalStateException("killed");
                    }))
                    .hasMessage("killed");
            assertReadable(both);

            CredentialRotation rest = both.admin().models().rotateCredentials(from, to, done -> {});
            assertThat(rest).isEqualTo(new CredentialRotation(250, 150, 250));
            assertReadable(both);
        }
        try (LlmDb db = open(database, NEW, null)) {
            assertReadable(db);
        }
        assertThatThrownBy(() -> open(database, OLD, null)).isInstanceOf(WrongCredentialsKeyException.class);
    }

    private static void assertReadable(LlmDb db) {
        assertThat(db.admin()
                        .models()
                        .list(ProxyModelFilter.all(), PageRequest.first(500))
                        .items())
                .hasSize(250)
                .allSatisfy(model -> assertThat(apiKey(model))
                        .isEqualTo(secret(Integer.parseInt(model.spec().name().substring("gpt-".length())))));
    }
}
