// The form that asks for the token.

const form = document.getElementById("login");
const message = document.getElementById("message");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  message.textContent = "";
  try {
    const response = await fetch("/login", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token: document.getElementById("token").value }),
    });
    if (response.ok) {
      location.replace("/");
      return;
    }
    message.textContent = (await response.json()).error;
  } catch {
    message.textContent = "The device does not answer.";
  }
});
