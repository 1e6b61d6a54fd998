package io.llmdb.models;

import java.util.Set;

/** What is known of models by the names that callers use. Must be fast and safe for use by several threads. */
@FunctionalInterface
public interface ModelNames {

    /** Nothing is known. */
    ModelNames NONE = name -> Set.of();

    /**
     * @param name a model's name as callers use it
     * @return the providers behind it, such as {@code openai}; empty where none is known
     */
    Set<String> providersOf(String name);

    /**
     * @param name a model's name as callers use it
     * @return whether nobody may call it for now
     */
    default boolean isBlocked(String name) {
        return false;
    }
}
