package io.llmdb.examples.gateway.upstream;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A request for a chat completion, as far as a proxy has to understand it.
 *
 * @param id the client's id of the request, or one that was made for it
 * @param body all of it
 * @param model the model
 * @param maxTokens the most tokens of one answer; null: the request does not say
 * @param answers how many answers are asked for
 * @param stream whether the answer comes in parts
 * @param includeUsage whether a stream ends with the usage
 * @param endUser the client's own user; empty: none
 * @param tags the request's tags, {@code metadata.tags}
 */
public record ChatRequest(
        String id,
        ObjectNode body,
        String model,
        @Nullable Integer maxTokens,
        int answers,
        boolean stream,
        boolean includeUsage,
        String endUser,
        List<String> tags) {

    /** The request is none; the message is for the client. */
    public static final class MalformedException extends Exception {

        private static final long serialVersionUID = 1L;

        private final @Nullable String parameter;

        MalformedException(@Nullable String parameter, String message) {
            super(message);
            this.parameter = parameter;
        }

        /** @return the parameter that is wrong, or null */
        public @Nullable String parameter() {
            return parameter;
        }
    }

    /** Copies the list. */
    public ChatRequest {
        tags = List.copyOf(tags);
    }

    /**
     * Reads a request.
     *
     * @param id the id to give it
     * @param bytes its body
     * @return the request
     * @throws MalformedException where it is none
     */
    public static ChatRequest parse(String id, byte[] bytes) throws MalformedException {
        JsonNode root;
        try {
            root = Json.read(bytes);
        } catch (JacksonException e) {
            throw new MalformedException(null, "The body is no JSON: " + e.getOriginalMessage());
        }
        if (!(root instanceof ObjectNode body)) {
            throw new MalformedException(null, "The body must be a JSON object");
        }
        JsonNode model = body.path("model");
        if (!model.isString() || model.asString().isBlank()) {
            throw new MalformedException("model", "\"model\" must name a model; GET /v1/models lists them");
        }
        JsonNode messages = body.path("messages");
        if (!messages.isArray() || messages.isEmpty()) {
            throw new MalformedException("messages", "\"messages\" must be a list with at least one message");
        }
        for (JsonNode message : messages) {
            if (!message.path("role").isString()) {
                throw new MalformedException("messages", "every message needs a \"role\"");
            }
        }
        Integer maxTokens = positive(body, "max_completion_tokens");
        Integer answers = positive(body, "n");
        return new ChatRequest(
                id,
                body,
                model.asString(),
                maxTokens == null ? positive(body, "max_tokens") : maxTokens,
                answers == null ? 1 : answers,
                flag(body, "stream"),
                flag(body.path("stream_options"), "include_usage"),
                text(body, "user"),
                tags(body.path("metadata").path("tags")));
    }

    /** @return all text of the messages, for counting */
    public List<String> texts() {
        List<String> texts = new ArrayList<>();
        for (JsonNode message : body.path("messages")) {
            JsonNode content = message.path("content");
            if (content.isString()) {
                texts.add(content.asString());
            }
            for (JsonNode part : content) {
                if (part.path("text").isString()) {
                    texts.add(part.path("text").asString());
                }
            }
        }
        return texts;
    }

    private static @Nullable Integer positive(ObjectNode body, String name) throws MalformedException {
        JsonNode value = body.path(name);
        if (value.isMissingNode() || value.isNull()) {
            return null;
        }
        if (!value.isInt() || value.asInt() < 1) {
            throw new MalformedException(name, "\"" + name + "\" must be a whole number of at least 1");
        }
        return value.asInt();
    }

    private static boolean flag(JsonNode body, String name) throws MalformedException {
        JsonNode value = body.path(name);
        if (!value.isMissingNode() && !value.isNull() && !value.isBoolean()) {
            throw new MalformedException(name, "\"" + name + "\" must be true or false");
        }
        return value.isBoolean() && value.asBoolean();
    }

    private static String text(ObjectNode body, String name) throws MalformedException {
        JsonNode value = body.path(name);
        if (value.isMissingNode() || value.isNull()) {
            return "";
        }
        if (!value.isString()) {
            throw new MalformedException(name, "\"" + name + "\" must be a text");
        }
        return value.asString();
    }

    private static List<String> tags(JsonNode value) throws MalformedException {
        List<String> tags = new ArrayList<>();
        for (JsonNode tag : value) {
            if (!tag.isString()) {
                throw new MalformedException("metadata", "\"metadata.tags\" must be a list of texts");
            }
            tags.add(tag.asString());
        }
        return tags;
    }
}
