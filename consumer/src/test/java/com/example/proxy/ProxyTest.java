package com.example.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.LlmDb;
import io.llmdb.common.BudgetTerms;
import io.llmdb.keys.IssuedKey;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.settings.LlmDbSettings;
import io.llmdb.testkit.Books;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import org.junit.jupiter.api.Test;

@LlmDbTest
class ProxyTest {

    @Test
    void refusesWhatTheBudgetDoesNotCover(TestDatabase database) {
        LlmDbSettings settings = LlmDbSettings.fromYaml("general_settings: {}", "proxy_config.yaml");
        try (LlmDb db = LlmDb.open(settings, database.dataSource())) {
            VirtualKeySpec anna = VirtualKeySpec.of("anna").withBudget(BudgetTerms.of("0.01"));
            IssuedKey issued = db.admin().keys().create(anna);
            Proxy proxy = new Proxy(db);

            assertThat(proxy.call(issued.rawKey(), "two words")).isEqualTo("200 two words");
            assertThat(proxy.call(issued.rawKey(), "three more words")).isEqualTo("200 three more words");
            assertThat(proxy.call(issued.rawKey(), "one")).startsWith("429 ");
            assertThat(proxy.call("sk-0123456789abcdef", "anything")).startsWith("401 ");
        }
        Books.of(database)
                .assertThat()
                .agree()
                .reserveNothing()
                .haveRequests(2)
                .haveSpend(new BigDecimal("0.01"));
    }
}
