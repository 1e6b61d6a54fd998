package io.llmdb.examples.gateway.demo;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A program of the company that calls the gateway with a key of its own.
 *
 * @param name its name
 * @param team the team of its key; null: a personal key
 * @param user the user of its key
 * @param models what it asks for, all equally often
 * @param share its part of the generated traffic, in per mille
 * @param hasCustomers whether it calls for end users
 * @param tag the tag that it gives its requests; null: none
 * @param fate what is odd about its key
 */
record App(
        String name,
        @Nullable String team,
        @Nullable String user,
        List<String> models,
        int share,
        boolean hasCustomers,
        @Nullable String tag,
        Fate fate) {

    static final String NIGHTLY_TAG = "nightly";
    static final String RESEARCH = "research";
    static final String PRODUCT = "product";
    static final String SUPPORT = "support";

    private static final String LARGE = "gpt-4o";
    private static final String SMALL = "gpt-4o-mini";
    private static final String CLAUDE = "claude-sonnet-4";
    private static final String MISTRAL = "mistral-small";
    private static final String LOCAL = "local-llama";

    /** What is odd about a key. */
    enum Fate {
        /** Nothing. */
        GOOD,
        /** It is blocked. */
        BLOCKED,
        /** It has expired. */
        EXPIRED,
        /** Nobody made it. */
        INVENTED,
        /** It may call one small model only. */
        RESTRICTED
    }

    /** Those that work, in the order in which the rows of a trace are dealt out. */
    static final List<App> WORKING = List.of(
            new App("notebook", RESEARCH, "ada", List.of(LARGE, LARGE, CLAUDE), 150, false, null, Fate.GOOD),
            new App("evals", RESEARCH, "ben", List.of(CLAUDE, LARGE), 150, false, null, Fate.GOOD),
            new App("nightly", RESEARCH, "ada", List.of(MISTRAL, LARGE), 150, false, NIGHTLY_TAG, Fate.GOOD),
            new App("chatbot", PRODUCT, "chloe", List.of(SMALL), 250, true, null, Fate.GOOD),
            new App("search", PRODUCT, "dan", List.of(LARGE, SMALL), 100, false, null, Fate.GOOD),
            new App("helpdesk", SUPPORT, "emma", List.of(SMALL, SMALL, LOCAL), 120, false, null, Fate.GOOD),
            new App("playground", null, "finn", List.of(LARGE, CLAUDE), 60, false, null, Fate.GOOD));

    /** Those that are refused whatever they ask for. */
    static final List<App> ODD = List.of(
            new App("former", RESEARCH, "ben", List.of(LARGE), 5, false, null, Fate.BLOCKED),
            new App("trial", PRODUCT, "dan", List.of(SMALL), 5, false, null, Fate.EXPIRED),
            new App("stranger", null, null, List.of(SMALL), 5, false, null, Fate.INVENTED),
            new App("kiosk", SUPPORT, "emma", List.of(LARGE), 5, false, null, Fate.RESTRICTED));

    /** What the restricted key may call. */
    static final String RESTRICTED_TO = MISTRAL;

    App {
        models = List.copyOf(models);
    }
}
