"""What one looks at: Grafana dashboards as code."""
