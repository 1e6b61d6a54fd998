package com.example.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import org.junit.jupiter.api.Test;

@LlmDbTest
class ProxyTest {

    @Test
    void hasADatabaseOfItsOwn(TestDatabase database) {
        assertThat(database.count("LLM_VerificationToken")).isZero();
    }
}
