"""From records, files and environment to the settings of one account: `effective` is what the rest of the code reads,
`secrets` resolves references, `schema` and `importer` take configuration files in, `exporter` writes one."""
