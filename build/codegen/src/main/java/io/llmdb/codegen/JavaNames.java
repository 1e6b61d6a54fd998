package io.llmdb.codegen;

import java.util.Map;
import org.jooq.codegen.DefaultGeneratorStrategy;
import org.jooq.meta.Definition;
import org.jooq.meta.TableDefinition;

/**
 * Java names for tables and columns: the tables keep the names that people's SQL knows, the classes read like Java.
 *
 * <p>{@code "LLM_OrganizationTable"} becomes {@code ORGANIZATION}, {@code "LLM_SpendLogs"."startTime"} becomes
 * {@code SPEND_LOG.START_TIME}.
 */
public final class JavaNames extends DefaultGeneratorStrategy {

    /** Names that dropping the prefix and the word "Table" does not give. */
    private static final Map<String, String> TABLES = Map.of(
            "LLM_VerificationToken", "VIRTUAL_KEY",
            "LLM_DeprecatedVerificationToken", "REPLACED_KEY",
            "LLM_DeletedVerificationToken", "DELETED_KEY",
            "LLM_ProxyModelTable", "MODEL",
            "LLM_UserNotifications", "MODEL_ACCESS_REQUEST",
            "LLM_SpendLogs", "SPEND_LOG",
            "LLM_ErrorLogs", "ERROR_LOG",
            "LLM_InvitationLink", "INVITATION");

    @Override
    public String getJavaIdentifier(Definition definition) {
        return upperSnake(shortName(definition));
    }

    @Override
    public String getJavaClassName(Definition definition, Mode mode) {
        return mode == Mode.RECORD ? camel(definition, true) + "Row" : camel(definition, true);
    }

    @Override
    public String getJavaMemberName(Definition definition, Mode mode) {
        return camel(definition, false);
    }

    @Override
    public String getJavaMethodName(Definition definition, Mode mode) {
        return camel(definition, false);
    }

    @Override
    public String getJavaGetterName(Definition definition, Mode mode) {
        return "get" + camel(definition, true);
    }

    @Override
    public String getJavaSetterName(Definition definition, Mode mode) {
        return "set" + camel(definition, true);
    }

    private static String shortName(Definition definition) {
        String name = definition.getOutputName();
        if (!(definition instanceof TableDefinition)) {
            return name;
        }
        String known = TABLES.get(name);
        if (known != null) {
            return known;
        }
        return name.replaceFirst("^LLM_", "").replaceFirst("Table$", "");
    }

    private static String upperSnake(String name) {
        return name.replaceAll("([a-z0-9])([A-Z])", "$1_$2").toUpperCase(java.util.Locale.ROOT);
    }

    private static String camel(Definition definition, boolean upperFirst) {
        StringBuilder result = new StringBuilder();
        for (String word : upperSnake(shortName(definition)).split("_")) {
            if (word.isEmpty()) {
                continue;
            }
            String lower = word.toLowerCase(java.util.Locale.ROOT);
            result.append(
                    result.length() == 0 && !upperFirst
                            ? lower
                            : Character.toUpperCase(lower.charAt(0)) + lower.substring(1));
        }
        return result.toString();
    }
}
