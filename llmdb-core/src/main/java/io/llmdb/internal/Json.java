package io.llmdb.internal;

import io.llmdb.error.InvalidArgumentException;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** JSON to and from plain maps, lists, strings, numbers and booleans. Fractions are read as {@code BigDecimal}. */
public final class Json {

    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .build();

    /** What most columns hold; not worth a parser. */
    private static final String EMPTY = "{}";

    private static final TypeReference<Map<String, Object>> OBJECT = new TypeReference<>() {};

    /** Bounds of our own would refuse what PostgreSQL takes. */
    private static final JsonFactory UNBOUNDED = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(Integer.MAX_VALUE)
                    .maxNumberLength(Integer.MAX_VALUE)
                    .maxStringLength(Integer.MAX_VALUE)
                    .maxNameLength(Integer.MAX_VALUE)
                    .build())
            .build();

    private Json() {}

    /**
     * Lets a text pass that is JSON, however long or deep.
     *
     * @param json the text
     * @throws InvalidArgumentException where it is not
     */
    public static void check(String json) {
        try (JsonParser parser = UNBOUNDED.createParser(ObjectReadContext.empty(), json)) {
            boolean empty = true;
            while (parser.nextToken() != null) {
                empty = false;
            }
            if (empty) {
                throw new InvalidArgumentException("A text is no JSON: it is empty");
            }
        } catch (JacksonException e) {
            throw new InvalidArgumentException("A text is no JSON: " + e.getOriginalMessage(), e);
        }
    }

    /**
     * @param value maps, lists, strings, numbers, booleans, or null
     * @return its JSON
     * @throws InvalidArgumentException where the value holds something else
     */
    public static String write(@Nullable Object value) {
        try {
            return MAPPER.writeValueAsString(value);
        } catch (JacksonException e) {
            throw new InvalidArgumentException("A value cannot be written as JSON: " + e.getOriginalMessage(), e);
        }
    }

    /**
     * @param json the text of a JSON object, or null
     * @return its members in their order; empty for null
     * @throws InvalidArgumentException where the text is no JSON object
     */
    public static Map<String, Object> object(@Nullable String json) {
        if (json == null || json.equals(EMPTY)) {
            return Map.of();
        }
        try {
            Map<String, Object> map = MAPPER.readValue(json, OBJECT);
            return map == null ? Map.of() : map;
        } catch (JacksonException e) {
            throw new InvalidArgumentException("A text is no JSON object: " + e.getOriginalMessage(), e);
        }
    }

    /**
     * @param json any JSON text, or null
     * @return its value; null for null
     * @throws InvalidArgumentException where the text is no JSON
     */
    public static @Nullable Object value(@Nullable String json) {
        if (json == null) {
            return null;
        }
        try {
            return MAPPER.readValue(json, Object.class);
        } catch (JacksonException e) {
            throw new InvalidArgumentException("A text is no JSON: " + e.getOriginalMessage(), e);
        }
    }
}
