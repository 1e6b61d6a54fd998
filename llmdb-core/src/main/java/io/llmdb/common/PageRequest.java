package io.llmdb.common;

import io.llmdb.error.InvalidArgumentException;
import org.jspecify.annotations.Nullable;

/**
 * Which page of a list is wanted.
 *
 * @param size how many items at most, 1 to 1000
 * @param after {@link Page#next()} of the page before; null for the first
 */
public record PageRequest(int size, @Nullable String after) {

    /** The most items that a page holds. */
    public static final int MAX_SIZE = 1000;

    /**
     * Checks the size.
     *
     * @throws InvalidArgumentException where it is not 1 to 1000
     */
    public PageRequest {
        if (size < 1 || size > MAX_SIZE) {
            throw new InvalidArgumentException("page size " + size + ": use 1 to " + MAX_SIZE);
        }
    }

    /**
     * @param size how many items at most, 1 to 1000
     * @return asks for the first page
     */
    public static PageRequest first(int size) {
        return new PageRequest(size, null);
    }

    /**
     * @param next {@link Page#next()} of the page before
     * @return asks for the page behind it, with the same size
     */
    public PageRequest after(@Nullable String next) {
        return new PageRequest(size, next);
    }
}
