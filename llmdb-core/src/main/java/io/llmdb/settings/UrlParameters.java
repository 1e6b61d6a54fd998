package io.llmdb.settings;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGProperty;

/** The parameters of database URLs: libpq's and Prisma's are translated into the JDBC driver's. */
final class UrlParameters {

    /** libpq's names that the driver has under another one. */
    private static final Map<String, String> RENAMED = Map.ofEntries(
            Map.entry("connect_timeout", "connectTimeout"),
            Map.entry("socket_timeout", "socketTimeout"),
            Map.entry("application_name", "ApplicationName"),
            Map.entry("channel_binding", "channelBinding"),
            Map.entry("gssencmode", "gssEncMode"),
            Map.entry("sslnegotiation", "sslNegotiation"),
            Map.entry("require_auth", "requireAuth"),
            Map.entry("krbsrvname", "kerberosServerName"),
            Map.entry("load_balance_hosts", "loadBalanceHosts"));

    /** Prisma's own and libpq's that mean nothing to us, and what to do instead. */
    private static final Map<String, String> LEFT_OUT = Map.ofEntries(
            Map.entry("schema", "set llmdb.schema"),
            Map.entry("currentSchema", "set llmdb.schema"),
            Map.entry("connection_limit", "set general_settings.database_connection_pool_limit"),
            Map.entry("pool_timeout", "set general_settings.database_connection_timeout"),
            Map.entry("statement_cache_size", "the driver has its own"),
            Map.entry("sslidentity", "set sslcert and sslkey"),
            Map.entry("client_encoding", "it is always UTF-8"),
            Map.entry("fallback_application_name", "set application_name"),
            Map.entry("keepalives_idle", "the operating system's holds"),
            Map.entry("keepalives_interval", "the operating system's holds"),
            Map.entry("keepalives_count", "the operating system's holds"),
            Map.entry("sslcompression", "it is always off"));

    private static final Set<String> SSL_MODES =
            Set.of("disable", "allow", "prefer", "require", "verify-ca", "verify-full");

    private UrlParameters() {}

    static Map<String, String> translate(Map<String, String> parameters, List<String> notes) throws BadValue {
        Map<String, String> properties = new TreeMap<>();
        for (Map.Entry<String, String> parameter : parameters.entrySet()) {
            String name = parameter.getKey();
            String value = parameter.getValue();
            String instead = LEFT_OUT.get(name);
            if (instead != null) {
                notes.add("parameter " + name + " of the URL is not used: " + instead);
                continue;
            }
            switch (name) {
                case "sslmode" -> {
                    if (!SSL_MODES.contains(value)) {
                        throw new BadValue("has sslmode " + value
                                + ": must be one of disable, allow, prefer, require, verify-ca, " + "verify-full");
                    }
                    properties.putIfAbsent("sslmode", value);
                }
                case "sslaccept" -> {
                    // Prisma's strict checks the certificate and the host's name.
                    if (value.equals("strict")) {
                        properties.put("sslmode", "verify-full");
                    } else if (!value.equals("accept_invalid_certs")) {
                        throw new BadValue("has sslaccept " + value + ": must be strict or accept_invalid_certs");
                    }
                }
                case "pgbouncer" -> {
                    // Server-side prepared statements do not survive a pooler in transaction mode before PgBouncer
                    // 1.21.
                    if (value.equals("true")) {
                        properties.put("prepareThreshold", "0");
                    } else if (!value.equals("false")) {
                        throw new BadValue("has pgbouncer " + value + ": must be true or false");
                    }
                }
                case "keepalives" -> properties.put("tcpKeepAlive", String.valueOf(!value.equals("0")));
                case "target_session_attrs" -> properties.put("targetServerType", serverType(value));
                default -> properties.put(driverName(name), value);
            }
        }
        String certificate = properties.get("sslcert");
        if (parameters.containsKey("sslaccept") && certificate != null && !properties.containsKey("sslkey")) {
            // Prisma calls the authority's certificate so.
            properties.remove("sslcert");
            properties.put("sslrootcert", certificate);
        }
        return check(properties);
    }

    static boolean isSecret(String name) {
        return name.toLowerCase(Locale.ROOT).contains("password");
    }

    private static String driverName(String name) throws BadValue {
        String renamed = RENAMED.getOrDefault(name, name);
        if (PGProperty.forName(renamed) == null) {
            Set<String> known =
                    Arrays.stream(PGProperty.values()).map(PGProperty::getName).collect(Collectors.toSet());
            known.addAll(RENAMED.keySet());
            throw new BadValue("has parameter " + name + ", which PostgreSQL's JDBC driver does not know"
                    + Nearest.suggestion(name, known));
        }
        return renamed;
    }

    private static String serverType(String attributes) throws BadValue {
        String type = switch (attributes) {
            case "any" -> "any";
            case "read-write", "primary" -> "primary";
            default -> null;
        };
        if (type == null) {
            throw new BadValue("has target_session_attrs " + attributes
                    + ": must be any, read-write or primary, because this library writes");
        }
        return type;
    }

    /** Names and numbers that the driver would refuse only when it connects. */
    private static Map<String, String> check(Map<String, String> properties) throws BadValue {
        for (Map.Entry<String, String> property : properties.entrySet()) {
            PGProperty known = PGProperty.forName(property.getKey());
            String[] choices = known == null ? null : known.getChoices();
            if (choices != null && !Arrays.asList(choices).contains(property.getValue())) {
                throw new BadValue("has " + property.getKey() + " " + property.getValue() + ": must be one of "
                        + String.join(", ", choices));
            }
            if (property.getKey().endsWith("Timeout") && !isWholeNumber(property.getValue())) {
                throw new BadValue("has " + property.getKey() + " " + property.getValue()
                        + ": must be a whole number of at least 0");
            }
        }
        return properties;
    }

    private static boolean isWholeNumber(@Nullable String value) {
        return value != null && value.matches("[0-9]{1,6}");
    }
}
