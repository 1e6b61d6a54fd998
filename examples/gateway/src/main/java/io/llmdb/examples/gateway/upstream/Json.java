package io.llmdb.examples.gateway.upstream;

import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** JSON, with numbers read as they are written. */
public final class Json {

    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private Json() {}

    /**
     * @param bytes JSON in UTF-8
     * @return what it says
     * @throws JacksonException where it is none
     */
    public static JsonNode read(byte[] bytes) {
        return MAPPER.readTree(bytes);
    }

    /**
     * @param text JSON
     * @return what it says
     * @throws JacksonException where it is none
     */
    public static JsonNode read(String text) {
        return MAPPER.readTree(text);
    }

    /** @return an empty object */
    public static ObjectNode object() {
        return MAPPER.createObjectNode();
    }

    /** @return an empty list */
    public static ArrayNode array() {
        return MAPPER.createArrayNode();
    }

    /**
     * @param node what to write
     * @return its JSON in UTF-8
     */
    public static byte[] bytes(JsonNode node) {
        return MAPPER.writeValueAsBytes(node);
    }

    /**
     * @param node what to write
     * @return its JSON
     */
    public static String text(JsonNode node) {
        return MAPPER.writeValueAsString(node);
    }
}
