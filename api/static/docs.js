// Shows the OpenAPI document of this server. A file of its own: the page's policy allows no inline script.
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true });
